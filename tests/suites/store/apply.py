"""What every store does with a delivered event."""

from datetime import timedelta

from penstock_contracts.ids import run_id
from penstock_store.ports import Store
from penstock_store.rows import Verdict
from tests.support.toy_fold import ToyFold, received

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"


class ApplySuite:
    async def test_an_event_stores_its_facts_its_state_its_rows_and_its_records(self, store: Store) -> None:
        verdicts = await store.streams.apply(CONSUMER, [received("e1")], ToyFold())

        assert list(verdicts) == [Verdict.APPLIED]
        facts = await store.streams.facts(STREAM)
        assert [(fact.envelope.sequence, fact.envelope.type) for fact in facts] == [
            (1, "pr.received"),
            (2, "prepare.requested"),
        ]
        row = await store.streams.load(STREAM)
        assert row is not None
        assert (row.sequence, row.subject, row.fold_version) == (2, "toy:owner/repo#7", 1)
        run = run_id(STREAM, "e1")
        job = await store.jobs.job(run)
        assert job is not None
        assert job.subject == "toy:owner/repo#7"
        unsent = await store.outbox.unsent(range(8), 10)
        assert [one.topic for one in unsent] == ["workflow.events", "prepare.requested", "workflow.events"]
        assert await store.timers.next_due() is not None

    async def test_the_second_delivery_of_an_event_changes_nothing(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        before = await store.streams.load(STREAM)

        verdicts = await store.streams.apply(CONSUMER, [received("e1"), received("e1")], ToyFold())

        assert list(verdicts) == [Verdict.DUPLICATE, Verdict.DUPLICATE]
        assert await store.streams.load(STREAM) == before

    async def test_one_batch_may_bring_an_event_twice_and_a_stream_several_times(self, store: Store) -> None:
        batch = [received("e1"), received("e2", stream="toy:host:1:8"), received("e1"), received("e3")]

        verdicts = await store.streams.apply(CONSUMER, batch, ToyFold())

        assert list(verdicts) == [Verdict.APPLIED, Verdict.APPLIED, Verdict.DUPLICATE, Verdict.APPLIED]
        assert [fact.envelope.sequence for fact in await store.streams.facts(STREAM)] == [1, 2, 3, 4]

    async def test_an_event_that_leads_to_nothing_is_known_all_the_same(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e1", command="nothing")], ToyFold())

        assert await store.streams.load(STREAM) is None
        assert await store.streams.names() == []
        again = await store.streams.apply(CONSUMER, [received("e1", command="nothing")], ToyFold())
        assert list(again) == [Verdict.DUPLICATE]

    async def test_now_is_the_clock_of_the_store(self, store: Store) -> None:
        before = await store.now()
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        (first, *_) = await store.streams.facts(STREAM)
        assert timedelta() <= first.envelope.time - before < timedelta(minutes=1)

    async def test_nothing_delivered_is_nothing_done(self, store: Store) -> None:
        assert list(await store.streams.apply(CONSUMER, [], ToyFold())) == []

    async def test_streams_are_named_in_order_and_in_pages(self, store: Store) -> None:
        streams = [f"toy:{letter}" for letter in "bCaÄ"]
        await store.streams.apply(CONSUMER, [received(f"e{stream}", stream) for stream in streams], ToyFold())

        assert await store.streams.names() == sorted(streams)
        assert await store.streams.names(after="toy:a", limit=1) == ["toy:b"]
        assert [fact.envelope.sequence for fact in await store.streams.facts("toy:b", after=1)] == [2]
