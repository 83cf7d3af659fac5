"""What is taken away after its time, and what stays."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from penstock_contracts.ids import run_id
from penstock_store.cache import CacheName, CachePlace
from penstock_store.errors import BlobMissing, FenceLost, NotYetApplied, StillOpen
from penstock_store.ports import Retention, Store
from penstock_store.rows import (
    DeadLetterRow,
    EffectKind,
    EffectRow,
    EffectState,
    Lease,
    NewOutboxRow,
    Place,
    RawRecord,
    Verdict,
    Waste,
)
from penstock_store.spending import Amount, Caps, ModelCall, Reservation
from tests.suites.store.restoring import webhook
from tests.support.toy_fold import ToyFold, delivered, received, resolved
from tests.support.waiting import eventually

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
MONTH = timedelta(days=30)
SHARDS = range(8)
COLUMNS = {
    Waste.SENT: "sent_at",
    Waste.RECEIVED: "received_at",
    Waste.DELIVERIES: "first_at",
    Waste.LETTERS: "resolved_at",
    Waste.BLOBS: "last_used",
    Waste.LEASES: "expires_at",
}


class Past:
    """Turns the clock of rows back."""

    def __init__(self, url: str) -> None:
        self._url = url

    def age(self, table: str, column: str, days: int = 60) -> None:
        statement = sql.SQL("update workflow.{} set {} = {} - make_interval(days => %s)")
        name = sql.Identifier(column)
        with psycopg.connect(self._url) as connection:
            connection.execute(statement.format(sql.Identifier(table), name, name), (days,))

    def count(self, table: str) -> int:
        with psycopg.connect(self._url) as connection:
            found = connection.execute(sql.SQL("select count(*) from workflow.{}").format(sql.Identifier(table)))
            return int(found.fetchall()[0][0])

    def holding(self, text: str) -> list[str]:
        """The tables in which this text stands anywhere."""
        with psycopg.connect(self._url) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'workflow' order by 1")
            found = []
            for (table,) in tables.fetchall():
                statement = sql.SQL("select 1 from workflow.{} as t where position(%s in t::text) > 0 limit 1")
                looking = statement.format(sql.Identifier(table))
                if any(connection.execute(looking, (form,)).fetchone() for form in (text, text.encode().hex())):
                    found.append(table)
        return found


@pytest.fixture
def past(postgres_database: str) -> Past:
    return Past(postgres_database)


@pytest.fixture
def retention(store: Store) -> Retention:
    assert store.retention is not None
    return store.retention


def row(stream: str, value: bytes = b"v") -> NewOutboxRow:
    return NewOutboxRow(stream, "t", stream, None, (("ce_stream", stream.encode()),), value)


async def reviewed(store: Store, event: str = "e1", stream: str = STREAM, subject: str = "toy:owner/repo#7") -> str:
    """A run from its beginning to its end."""
    await store.streams.apply(CONSUMER, [received(event, stream, subject=subject)], ToyFold())
    run = run_id(stream, event)
    answer = resolved(f"{event}:answer", run, stream).event
    await store.streams.apply(CONSUMER, [delivered(replace(answer.envelope, subject=subject), answer.fact)], ToyFold())
    return run


async def publish(store: Store) -> None:
    lease = await store.leases.acquire("relay", "tests", timedelta(minutes=1))
    assert lease is not None
    await store.outbox.mark_sent([one.id for one in await store.outbox.unsent(SHARDS, 1000)], lease)


async def one_of_each(store: Store) -> None:
    await store.receipts.receive("old", row("s"))
    await publish(store)
    await store.deliveries.count("c", [Place("t", 0, 1)])
    await store.dead_letters.put(letter("l1"), [])
    await store.dead_letters.settle("l1", "discarded")
    await store.blobs.put(b"text")
    await store.leases.acquire("k", "h", timedelta(seconds=1))


def letter(id_: str, stream: str = "") -> DeadLetterRow:
    return DeadLetterRow(id_, "ast", RawRecord("t", 0, 1, None, (), None), stream, "", "", "", "rubbish", "e", "r")


@pytest.mark.parametrize("waste", list(Waste))
async def test_what_is_older_goes_and_what_is_younger_stays(
    store: Store, retention: Retention, past: Past, waste: Waste
) -> None:
    await one_of_each(store)
    before = await store.now() - MONTH
    known = past.count(waste)

    assert await retention.sweep(waste, before, 10) == 0
    past.age(waste, COLUMNS[waste])

    assert await retention.sweep(waste, before, 10) == known
    assert past.count(waste) == 0


async def test_what_is_unsent_stalled_or_unresolved_stays_however_old_it_is(
    store: Store, retention: Retention, past: Past
) -> None:
    await store.outbox.put([row("s")])
    await store.streams.apply(CONSUMER, [received("bad", command="raise")], ToyFold())
    for table, column in (("outbox_messages", "created_at"), ("inbox_messages", "received_at"),
                          ("dead_letters", "created_at")):  # fmt: skip
        past.age(table, column)
    before = await store.now() - MONTH

    assert [await retention.sweep(waste, before, 10) for waste in (Waste.SENT, Waste.RECEIVED, Waste.LETTERS)] == [
        0, 0, 0,
    ]  # fmt: skip
    assert await store.streams.apply(CONSUMER, [received("bad")], ToyFold()) == [Verdict.DUPLICATE]


async def test_a_piece_takes_no_more_than_it_may(store: Store, retention: Retention, past: Past) -> None:
    for number in range(5):
        await store.receipts.receive(f"e{number}", row("s"))
    past.age("inbox_messages", "received_at")
    before = await store.now() - MONTH

    assert [await retention.sweep(Waste.RECEIVED, before, 2) for _ in range(4)] == [2, 2, 1, 0]


async def test_what_was_received_so_long_ago_that_the_inbox_forgot_it_is_not_said_again_after_a_restoration(
    store: Store, retention: Retention, past: Past
) -> None:
    await store.receipts.receive("long ago", webhook("long ago"))
    await publish(store)
    await store.streams.apply(CONSUMER, [received("long ago")], ToyFold())
    for table, column in (("outbox_messages", "sent_at"), ("inbox_messages", "received_at")):
        past.age(table, column)
    assert await retention.sweep(Waste.RECEIVED, await store.now() - MONTH, 10) == 2
    await store.receipts.receive("now", webhook("now"))
    await publish(store)
    assert await store.restoring.unheard(CONSUMER, ["pr.received"]) == [webhook("now")]


async def on_the_log(store: Store, past: Past, *streams: str, topic: str = "t", partitions: int = 1) -> Lease:
    """A record of each stream, of long ago."""
    lease = await store.leases.acquire("relay", "tests", timedelta(minutes=1))
    assert lease is not None
    await store.outbox.put([replace(row(stream), topic=topic) for stream in streams])
    await store.outbox.publish(await store.outbox.unsent(SHARDS, 10), {topic: partitions}, lease)
    past.age("log", "appended_at")
    return lease


async def test_the_log_keeps_what_a_group_has_not_read(store: Store, retention: Retention, past: Past) -> None:
    lease = await on_the_log(store, past, "s", "s", "s")
    await store.log.move("slow", [Place("t", 0, 1)], lease)
    await store.log.move("fast", [Place("t", 0, 3)], lease)
    before = await store.now() - MONTH

    assert await retention.sweep_log("other", before, 10) == 0
    assert await retention.sweep_log("t", before, 10) == 1
    assert [one.position for one in await store.log.read([Place("t", 0, 0)], 10)] == [1, 2]
    await store.log.move("slow", [Place("t", 0, 3)], lease)
    assert await retention.sweep_log("t", before, 10) == 2


async def test_a_group_that_read_of_a_topic_has_read_nothing_of_partitions_where_it_never_was(
    store: Store, retention: Retention, past: Past
) -> None:
    lease = await on_the_log(store, past, *(f"s{number}" for number in range(8)), partitions=2)
    ends = {place.partition: place.position for place in await store.log.ends(["t"])}
    assert set(ends) == {0, 1}
    await store.log.move("fast", [Place("t", partition, end) for partition, end in ends.items()], lease)
    await store.log.move("slow", [Place("t", 0, ends[0])], lease)
    await store.log.move("of another topic", [Place("other", 0, 1)], lease)
    before = await store.now() - MONTH

    assert await retention.sweep_log("t", before, 10) == ends[0]
    assert len(await store.log.read([Place("t", 1, 0)], 10)) == ends[1]


@pytest.mark.parametrize(("topic", "swept"), [("ast.requested", 0), ("workflow.events", 1), ("penstock.dlq", 1)])
async def test_what_no_group_ever_read_of_goes_only_where_nobody_has_to(
    store: Store, retention: Retention, past: Past, topic: str, swept: int
) -> None:
    await on_the_log(store, past, "s", topic=topic)
    assert await retention.sweep_log(topic, await store.now() - MONTH, 10) == swept

    lease = await on_the_log(store, past, "s", topic=topic)
    await store.log.move("view", [Place(topic, 0, 0)], lease)
    assert await retention.sweep_log(topic, await store.now() - MONTH, 10) == 0


async def test_a_pull_request_that_rests_goes_with_everything(store: Store, retention: Retention, past: Past) -> None:
    run = await reviewed(store)
    await store.effects.plan([EffectRow("x", STREAM, run, EffectKind.SUMMARY, 1, 1, EffectState.PLANNED, "d")])
    await publish(store)
    past.age("streams", "updated_at")
    before = await store.now() - MONTH

    assert await retention.sweep_streams(before, 10) == 1

    assert await store.streams.names() == []
    for table in ("streams", "facts", "workflow_jobs", "job_execution_history", "effects", "timers"):
        assert past.count(table) == 0, table


async def test_what_comes_again_after_that_is_known_and_what_is_new_begins_anew(
    store: Store, retention: Retention, past: Past
) -> None:
    await reviewed(store)
    await publish(store)
    past.age("streams", "updated_at")
    await retention.sweep_streams(await store.now() - MONTH, 10)

    again = await store.streams.apply(CONSUMER, [received("e1"), received("e2")], ToyFold())

    assert list(again) == [Verdict.DUPLICATE, Verdict.APPLIED]
    assert [fact.envelope.sequence for fact in await store.streams.facts(STREAM)] == [1, 2]
    assert await store.streams.refold_all(ToyFold()) == []


async def test_a_pull_request_stays_while_something_of_it_is_open(
    store: Store, retention: Retention, past: Past
) -> None:
    await store.streams.apply(CONSUMER, [received("e1", "toy:host:1:1")], ToyFold())  # its run is open
    await reviewed(store, "e2", "toy:host:1:2")
    await store.dead_letters.put(letter("l", "toy:host:1:2"), [])  # somebody has to look at it
    await publish(store)
    await reviewed(store, "e3", "toy:host:1:3")  # not all of it is said
    past.age("streams", "updated_at")

    assert await retention.sweep_streams(await store.now() - MONTH, 10) == 0


def waits_for_a_lock(url: str) -> bool:
    with psycopg.connect(url) as connection:
        found = connection.execute("select 1 from pg_locks where not granted and database = (select oid from "
                                   "pg_database where datname = current_database())")  # fmt: skip
        return found.fetchone() is not None


async def repository(store: Store) -> Sequence[str]:
    """Two pull requests, one of them from before the repository got another name."""
    await reviewed(store, "e1", "toy:host:1:7", "toy:owner/repo#7")
    await reviewed(store, "e2", "toy:host:1:8", "toy:owner/earlier#8")
    await reviewed(store, "e3", "toy:host:22:1", "toy:owner/other#1")
    assert store.retention is not None
    return await store.retention.streams_of("owner/repo")


async def test_a_repository_has_all_streams_of_its_id_under_any_name(store: Store, retention: Retention) -> None:
    assert await repository(store) == ["toy:host:1:7", "toy:host:1:8"]
    assert await retention.streams_of("owner/nothing") == []


async def test_a_forgotten_repository_stands_nowhere_any_more(store: Store, retention: Retention, past: Past) -> None:
    streams = await repository(store)
    lease = await store.leases.acquire("relay", "tests", timedelta(minutes=1))
    assert lease is not None
    unsent = await store.outbox.unsent(SHARDS, 100)
    await store.outbox.publish(unsent, {one.topic: 2 for one in unsent}, lease)
    await store.leases.acquire("commenter:toy:host:1:7", "c", timedelta(seconds=1))
    call = ModelCall("r", "pr_review", "", 1, "toy:host:1:7", "small")
    assert isinstance(await store.spending.reserve(call, Amount(1, 1), Caps()), Reservation)
    kept = CachePlace(CacheName.ANSWERS, "k", "owner", "owner/earlier")
    assert await store.cache.claim(kept, "t", timedelta(minutes=1))
    assert await store.cache.put(kept, "t", b"text", timedelta(days=7), 10)
    said = RawRecord("t", 0, 1, b"toy:host:1:7", (("ce_stream", b"toy:host:1:7"),), b"x")
    await store.dead_letters.put(DeadLetterRow("l", "ast", said, "", "", "", "", "rubbish", "e", "r"), [])
    assert past.holding("toy:host:1:7") == [
        "dead_letters", "facts", "leases", "log", "model_spending", "outbox_messages", "streams", "workflow_jobs",
    ]  # fmt: skip
    assert "cache_entries" in past.holding("owner/earlier")

    forgotten = await retention.forget(streams)

    assert forgotten.streams == 2
    assert [past.holding(text) for text in (*streams, "owner/earlier")] == [[], [], []]
    assert await store.streams.names() == ["toy:host:22:1"]
    assert await store.streams.refold_all(ToyFold()) == []


async def test_the_blobs_go_that_nobody_else_refers_to(store: Store, retention: Retention) -> None:
    text, shared = await store.blobs.put(b"a diff"), await store.blobs.put(b"of both")
    manifest = await store.blobs.put(f"[{text}, {shared}]".encode())
    stranger = await store.blobs.put(f"[{shared}]".encode())
    free = await store.blobs.put(b"of nobody")
    await reviewed(store, manifest, "toy:host:1:7")
    await reviewed(store, stranger, "toy:host:22:1", "toy:owner/other#1")
    await publish(store)

    forgotten = await retention.forget(["toy:host:1:7"])

    assert forgotten.blobs == 2
    for gone in (manifest, text):
        with pytest.raises(BlobMissing):
            await store.blobs.get(gone)
    assert [await store.blobs.get(kept) for kept in (shared, free)] == [b"of both", b"of nobody"]


async def test_what_is_being_reviewed_is_not_forgotten(store: Store, retention: Retention) -> None:
    await store.streams.apply(CONSUMER, [received("e1")], ToyFold())

    with pytest.raises(StillOpen, match=r"toy:host:1:7.*penstock jobs cancel"):
        await retention.forget([STREAM])

    assert await store.streams.names() == [STREAM]


async def test_what_was_accepted_and_nobody_has_applied_is_not_forgotten(store: Store, retention: Retention) -> None:
    await reviewed(store)
    await publish(store)
    accepted = replace(row(STREAM), topic="pr.received")
    assert await store.receipts.receive("push", accepted)

    with pytest.raises(NotYetApplied, match=r"toy:host:1:7.*penstock dlq ls and unblock"):
        await retention.forget([STREAM])  # it is in the outbox alone

    (unsent,) = await store.outbox.unsent(SHARDS, 10)
    lease = await store.leases.acquire("relay", "tests", timedelta(minutes=1))
    assert lease is not None
    await store.outbox.publish([unsent], {"pr.received": 1}, lease)
    await store.log.move("penstock-orchestrator", [Place("pr.received", 0, 0)], lease)
    with pytest.raises(NotYetApplied):
        await retention.forget([STREAM])  # it is in the log, where the orchestrator has yet to read it
    assert [record.value for record in await store.log.read([Place("pr.received", 0, 0)], 10)] == [accepted.value]
    assert await store.streams.names() == [STREAM]

    await store.log.move("penstock-orchestrator", [Place("pr.received", 0, 1)], lease)
    assert (await retention.forget([STREAM])).streams == 1
    assert await store.log.read([Place("pr.received", 0, 0)], 10) == []


async def test_what_is_accepted_while_a_repository_is_being_forgotten_is_not_forgotten_with_it(
    store: Store, retention: Retention, postgres_database: str
) -> None:
    await reviewed(store)
    await publish(store)
    with psycopg.connect(postgres_database) as connection:
        connection.execute("lock table workflow.cache_entries in share mode")  # the last of the messages to be taken
        forgetting = asyncio.create_task(retention.forget([STREAM]))
        await eventually(lambda: waits_for_a_lock(postgres_database), what="forget has taken what was sent")
        assert await store.receipts.receive("push", replace(row(STREAM), topic="pr.received"))

    with pytest.raises(NotYetApplied):
        await forgetting

    assert await store.streams.names() == [STREAM]
    assert [one.topic for one in await store.outbox.unsent(SHARDS, 10)] == ["pr.received"]


async def test_a_lease_that_was_forgotten_while_it_was_held_is_lost_though_its_fence_is_given_again(
    store: Store, retention: Retention
) -> None:
    await reviewed(store)
    held = await store.leases.acquire(f"comments:{STREAM}", "frozen", MONTH)
    assert held is not None
    await publish(store)
    await retention.forget([STREAM])
    other = await store.leases.acquire(held.key, "other", MONTH)
    assert other is not None
    assert other.fence == held.fence

    await store.outbox.put([row("s")])
    (one,) = await store.outbox.unsent(SHARDS, 10)
    with pytest.raises(FenceLost):
        await store.outbox.mark_sent([one.id], held)
    assert await store.leases.renew(held, MONTH) is None
