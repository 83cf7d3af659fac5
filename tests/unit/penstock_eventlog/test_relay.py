"""The relay: order, no gap, leases, blocked streams."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.routing import SHARDS, shard_of
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.ports import NewRecord, Published
from penstock_eventlog.postgres import topic_partitions
from penstock_eventlog.records import outbox_row_of
from penstock_eventlog.relay import POINTS, PUBLISHED, Relay
from penstock_eventlog.shard_leases import OneLease, ShardLeases, Shards
from penstock_eventlog.sinks import LogTableSink, ProducerSink
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, CrashAt, Crashed, Steps
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import Lease, OutboxRow, Place
from tests.unit.penstock_eventlog.events import CODEC, pr_received

TOPIC = "pr.received"


class Desk:
    """A store whose outbox is filled, a log to publish to, and relays of several processes."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.log = MemoryLog()
        self.metrics = Metrics(CollectorRegistry())

    async def fill(self, streams: int = 20, each: int = 10) -> None:
        for number in range(each):
            await self.store.outbox.put(
                [outbox_row_of(pr_received(f"stream-{stream}", number), CODEC) for stream in range(streams)]
            )

    def relay(self, holder: str = "one", steps: Steps = NO_STEPS, shards: Shards | None = None) -> Relay:
        shards = shards or ShardLeases(self.store.leases, holder, self.clock)
        sink = ProducerSink(self.log.producer(), self.store.outbox)
        return Relay(self.store, sink, shards, clock=self.clock, metrics=self.metrics, steps=steps, batch=50)

    async def run(self, relay: Relay, steps: int = 30) -> None:
        for _ in range(steps):
            self.clock.advance(await relay.step())

    def published(self) -> Mapping[str, list[int]]:
        """Per stream what lies on the log, in order."""
        found: dict[str, list[int]] = defaultdict(list)
        for record in self.log.records(TOPIC):
            event = CODEC.decode(record.headers, record.value)
            found[event.envelope.stream].append(int(getattr(event.fact, "hint_head", "-1")))
        return found

    async def unsent(self) -> Sequence[OutboxRow]:
        return await self.store.outbox.unsent(range(SHARDS), 10_000)


def first_occurrences(numbers: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


async def test_every_row_is_published_once_in_the_order_of_its_stream() -> None:
    desk = Desk()
    await desk.fill()
    await desk.run(desk.relay())
    assert desk.published() == {f"stream-{stream}": list(range(10)) for stream in range(20)}
    assert not await desk.unsent()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 2, 4])
async def test_a_crash_at_any_point_loses_nothing_and_keeps_first_occurrences_in_order(point: str, nth: int) -> None:
    desk = Desk()
    await desk.fill()
    dying = desk.relay("dying", CrashAt(point, nth))
    with pytest.raises(Crashed):
        await desk.run(dying)
    await desk.run(desk.relay("next"), 100)
    assert not await desk.unsent()
    for numbers in desk.published().values():
        assert first_occurrences(numbers) == list(range(10))
    repeated = sum(len(numbers) for numbers in desk.published().values()) - 200
    assert (repeated > 0) == (point == PUBLISHED)


async def test_two_processes_share_the_shards_and_a_dead_ones_are_taken_over_when_its_leases_end() -> None:
    desk = Desk()
    first, second = desk.relay("first"), desk.relay("second")
    await first.step()
    await second.step()
    await desk.fill()
    await desk.run(second, 3)
    assert not desk.log.records(TOPIC), "the first holds every shard"
    desk.clock.advance(11)
    await desk.run(second)
    assert desk.published() == {f"stream-{stream}": list(range(10)) for stream in range(20)}


async def test_an_orderly_end_hands_the_shards_over_at_once() -> None:
    desk = Desk()
    await desk.fill()
    first, second = desk.relay("first"), desk.relay("second")
    await first.step()
    await first.stop()
    await desk.run(second)
    assert not await desk.unsent()


class Freezing:
    """A sink during whose publishing the process freezes, and somebody else takes the shards."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sink = ProducerSink(desk.log.producer(), desk.store.outbox)
        self.frozen = False

    async def publish(self, rows: Sequence[OutboxRow], *leases: Lease) -> Published:
        published = await self._sink.publish(rows, *leases)
        if not self.frozen:
            self.frozen = True
            self._desk.clock.advance(20)
            await self._desk.run(self._desk.relay("other"))
        return published

    async def mark(self, ids: Sequence[int], *leases: Lease) -> None:
        await self._sink.mark(ids, *leases)


async def test_a_holder_that_was_frozen_past_its_lease_marks_nothing_and_drops_its_shards() -> None:
    desk = Desk()
    await desk.fill()
    shards = ShardLeases(desk.store.leases, "frozen", desk.clock)
    relay = Relay(desk.store, Freezing(desk), shards, clock=desk.clock, metrics=desk.metrics)
    await relay.step()
    assert not any(shards.sure(shard) for shard in range(SHARDS))
    await desk.run(relay, 2)
    assert not await shards.held(), "the other process holds them"
    for numbers in desk.published().values():
        assert first_occurrences(numbers) == list(range(10))


async def test_nothing_is_published_in_the_last_part_of_a_lease() -> None:
    desk = Desk()
    shards = ShardLeases(desk.store.leases, "one", desk.clock, ttl=timedelta(seconds=10))
    await shards.held()
    assert shards.sure(0)
    desk.clock.advance(7.5)
    assert not shards.sure(0)
    await shards.held()
    assert shards.sure(0), "it was renewed"


async def test_a_refused_row_blocks_its_stream_and_no_other() -> None:
    desk = Desk()
    await desk.fill()

    def refuse(record: NewRecord) -> str:
        event = CODEC.decode(record.headers, record.value)
        bad = record.stream == "stream-3" and getattr(event.fact, "hint_head", "") == "4"
        return "too large" if bad else ""

    desk.log.refuse(refuse)
    relay = desk.relay()
    await desk.run(relay, 60)
    expected = {f"stream-{stream}": list(range(10)) for stream in range(20)}
    assert desk.published() == expected | {"stream-3": [0, 1, 2, 3]}
    ((row, reason),) = await desk.store.outbox.blocked()
    assert (row.stream, reason) == ("stream-3", "too large")
    desk.log.refuse(lambda _: "")
    await desk.store.outbox.unblock("stream-3")
    await desk.run(relay)
    assert desk.published() == expected


async def test_while_the_log_is_away_nothing_is_lost_and_the_relay_waits_longer_each_time() -> None:
    desk = Desk()
    await desk.fill(2, 2)
    desk.log.go_away()
    relay = desk.relay()
    waits = []
    for _ in range(6):
        waits.append(await relay.step())
        desk.clock.advance(waits[-1] + 0.001)
    assert waits[-1] > waits[0]
    desk.log.come_back()
    desk.clock.advance(10)
    await desk.run(relay)
    assert desk.published() == {"stream-0": [0, 1], "stream-1": [0, 1]}


async def test_into_the_log_table_rows_go_once_even_when_the_process_dies_after_publishing() -> None:
    desk = Desk()
    await desk.fill(5, 5)
    lease = await desk.store.leases.acquire("penstock:up", "me", timedelta(hours=1))
    sink = LogTableSink(desk.store.outbox, topic_partitions(), lambda _: None)
    shards = OneLease(lambda: lease)
    dying = Relay(desk.store, sink, shards, clock=desk.clock, metrics=desk.metrics, steps=CrashAt(PUBLISHED), batch=10)
    with pytest.raises(Crashed):
        await desk.run(dying)
    await desk.run(Relay(desk.store, sink, shards, clock=desk.clock, metrics=desk.metrics, batch=10))
    places = [Place(TOPIC, number, 0) for number in range(12)]
    rows = await desk.store.log.read(places, 100)
    assert len(rows) == 25
    heads: dict[bytes, list[str]] = defaultdict(list)
    for row in rows:
        heads[row.key].append(getattr(CODEC.decode(row.headers, row.value).fact, "hint_head", ""))
    assert all(numbers == [str(number) for number in range(5)] for numbers in heads.values())


async def test_a_lost_lease_of_the_whole_log_publishes_nothing() -> None:
    desk = Desk()
    await desk.fill(2, 2)
    stale = await desk.store.leases.acquire("penstock:up", "me", timedelta(seconds=1))
    desk.clock.advance(2)
    await desk.store.leases.acquire("penstock:up", "other", timedelta(hours=1))
    sink = LogTableSink(desk.store.outbox, topic_partitions(), lambda _: None)
    relay = Relay(desk.store, sink, OneLease(lambda: stale), clock=desk.clock, metrics=desk.metrics)
    await desk.run(relay, 3)
    assert len(await desk.unsent()) == 4
    assert not await desk.store.log.read([Place(TOPIC, number, 0) for number in range(12)], 100)


def test_the_streams_of_this_file_are_of_several_shards() -> None:
    assert len({shard_of(f"stream-{stream}") for stream in range(20)}) > 4
