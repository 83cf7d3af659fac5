"""What follows a restored backup: what is asked again, and that it is remembered."""

from datetime import timedelta

from penstock_contracts.enums import Stage
from penstock_contracts.ids import request_id, run_id
from penstock_contracts.routing import SHARDS
from penstock_store.ports import Store
from penstock_store.restoring import event_id
from penstock_store.rows import DeadLetterRow, NewOutboxRow, Place
from tests.suites.store.worlds import Later
from tests.support.toy_fold import ToyFold, received, resolved

CONSUMER = "orchestrator"
STREAM, OTHER = "toy:host:1:7", "toy:host:1:8"
RUN, OTHER_RUN = run_id(STREAM, "e1"), run_id(OTHER, "e2")


async def publish_all(store: Store) -> None:
    lease = await store.leases.acquire("relay", "suite", timedelta(minutes=1))
    assert lease is not None
    rows = await store.outbox.unsent(range(SHARDS), 1_000)
    await store.outbox.mark_sent([row.id for row in rows], lease)
    await store.leases.release(lease)


async def _stalled(store: Store) -> DeadLetterRow:
    await store.streams.apply(CONSUMER, [received("bad", STREAM, command="raise")], ToyFold())
    (letter,) = await store.dead_letters.letters()
    return letter


def webhook(event: str, topic: str = "pr.received") -> NewOutboxRow:
    return NewOutboxRow(STREAM, topic, STREAM, None, (("ce_id", event.encode()),), b"value")


class RestoringSuite:
    async def test_a_request_that_nobody_answered_is_asked_again_under_its_id(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1", STREAM), received("e2", OTHER)], ToyFold())
        await store.streams.apply(CONSUMER, [resolved("answer", RUN, STREAM)], ToyFold())
        asked = [row for row in await store.outbox.unsent(range(SHARDS), 100) if row.topic == "prepare.requested"]
        await publish_all(store)

        (again,) = await store.restoring.outstanding()

        (first,) = [row for row in asked if row.stream == OTHER]
        assert event_id(again.headers) == request_id(OTHER_RUN, Stage.PREPARE, "", 1)
        assert (again.stream, again.topic, again.key, again.spread) == (OTHER, first.topic, first.key, first.spread)
        assert (again.headers, again.value) == (first.headers, first.value)

    async def test_what_is_unsent_is_not_put_a_second_time(self, store: Store) -> None:
        await store.receipts.receive("w1", webhook("w1"))
        await store.streams.apply(CONSUMER, [received("e1", STREAM)], ToyFold())

        assert await store.restoring.outstanding() == []
        assert await store.restoring.unheard(CONSUMER, ["pr.received"]) == []

    async def test_what_came_from_outside_and_was_never_received_is_said_again(self, store: Store) -> None:
        for event in ("e1", "w2", "w3"):
            await store.receipts.receive(event, webhook(event))
        await store.receipts.receive("w4", webhook("w4", topic="workflow.control"))
        await store.streams.apply(CONSUMER, [received("e1", STREAM)], ToyFold())
        await publish_all(store)

        unheard = await store.restoring.unheard(CONSUMER, ["pr.received"])

        assert unheard == [webhook("w2"), webhook("w3")]

    async def test_what_was_said_while_a_letter_was_settled_is_said_again_once_wherever_it_was_lost(
        self, store: Store
    ) -> None:
        letter = await _stalled(store)
        assert await store.dead_letters.settle(letter.id, "discarded", [webhook("discard", "workflow.control")])
        await publish_all(store)
        discard, topics = webhook("discard", "workflow.control"), ["pr.received", "workflow.control"]

        for _ in range(2):  # the log may be lost again before it is heard
            assert await store.restoring.unheard(CONSUMER, topics) == [discard]
            await store.restoring.begin_again([discard], None)
            assert await store.restoring.unheard(CONSUMER, topics) == []
            await publish_all(store)

        await store.streams.apply(CONSUMER, [received("discard", STREAM)], ToyFold())
        assert await store.restoring.unheard(CONSUMER, topics) == []

    async def test_a_record_of_strangers_that_was_sent_back_is_not_said_again(self, store: Store) -> None:
        await store.outbox.put([NewOutboxRow(STREAM, "pr.received", STREAM, None, (), b"value")])
        assert await store.restoring.unheard(CONSUMER, ["pr.received"]) == []
        await publish_all(store)
        assert await store.restoring.unheard(CONSUMER, ["pr.received"]) == []

    async def test_what_begins_again_is_unsent_and_the_deliveries_of_before_do_not_count(self, store: Store) -> None:
        place = Place("ast.requested", 0, 7)
        await store.deliveries.count("ast", [place])
        await store.streams.apply(CONSUMER, [received("e1", STREAM)], ToyFold())
        await publish_all(store)
        rows = await store.restoring.outstanding()

        assert not await store.restoring.was_restored()
        await store.restoring.begin_again(rows, await store.restoring.moment())

        assert await store.restoring.was_restored()
        assert [event_id(row.headers) for row in await store.outbox.unsent(range(SHARDS), 10)] == [
            event_id(row.headers) for row in rows
        ]
        assert await store.deliveries.count("ast", [place]) == {place: 1}
        assert await store.restoring.outstanding() == []

    async def test_the_moment_of_a_store_is_that_of_its_newest_row(self, store: Store, later: Later) -> None:
        assert await store.restoring.moment() is None
        before = await store.now()
        await store.streams.apply(CONSUMER, [received("e1", STREAM)], ToyFold())
        after = await store.now()
        await later(0.01)

        moment = await store.restoring.moment()

        assert moment is not None
        assert before <= moment <= after
        await store.restoring.begin_again([webhook("w1")], moment)
        assert await store.restoring.moment() == moment

    async def test_whoever_holds_a_lease_is_named(self, store: Store) -> None:
        lease = await store.leases.acquire("relay:3", "host-1", timedelta(minutes=1))
        assert lease is not None
        assert await store.restoring.holders() == [lease]
        await store.leases.release(lease)
        assert await store.restoring.holders() == []
