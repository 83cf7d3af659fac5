"""Receipts, the outbox, and the log below it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from penstock_contracts.routing import SHARDS, shard_of
from penstock_runtime.steps import CrashAt, Crashed
from penstock_store.errors import FenceLost
from penstock_store.points import PUBLISH_COMMITTED, PUBLISH_POINTS
from penstock_store.ports import Store
from penstock_store.rows import Backlog, Lease, LogRow, NewOutboxRow, OutboxRow, Place
from tests.suites.store.worlds import Later, Reopen

ALL = tuple(range(SHARDS))
TTL = timedelta(minutes=1)
PARTITIONS = {"t": 3, "u": 1}


def row(stream: str, value: bytes = b"v", *, topic: str = "t", spread: int | None = None) -> NewOutboxRow:
    return NewOutboxRow(stream, topic, stream, spread, (("ce_id", value), ("odd", b"\x00\xff")), value)


async def lease_of(store: Store, holder: str = "relay-1", key: str = "relay") -> Lease:
    lease = await store.leases.acquire(key, holder, TTL)
    assert lease is not None
    return lease


async def everything(store: Store, limit: int = 100) -> Sequence[LogRow]:
    return await store.log.read([Place("t", 0, 0), Place("t", 1, 0), Place("t", 2, 0), Place("u", 0, 0)], limit)


class OutboxSuite:
    async def test_a_delivery_is_received_once(self, store: Store) -> None:
        assert await store.receipts.receive("e1", row("s", b"1"))
        assert not await store.receipts.receive("e1", row("s", b"2"))

        (kept,) = await store.outbox.unsent(ALL, 10)
        assert kept == OutboxRow(kept.id, "s", "t", "s", None, (("ce_id", b"1"), ("odd", b"\x00\xff")), b"1")

    async def test_unsent_rows_come_in_the_order_they_were_put(self, store: Store) -> None:
        await store.outbox.put([row("a", b"1"), row("b", b"2", spread=7), row("a", b"3")])
        await store.outbox.put([])

        rows = await store.outbox.unsent(ALL, 10)

        assert [(one.stream, one.value, one.spread) for one in rows] == [
            ("a", b"1", None), ("b", b"2", 7), ("a", b"3", None),
        ]  # fmt: skip
        assert [one.id for one in rows] == sorted(one.id for one in rows)
        assert len(await store.outbox.unsent(ALL, 2)) == 2

    async def test_a_shard_has_whole_streams(self, store: Store) -> None:
        streams = [f"s{number}" for number in range(30)]
        await store.outbox.put([row(stream) for stream in streams])

        found = {shard: [one.stream for one in await store.outbox.unsent([shard], 100)] for shard in ALL}

        assert {stream: shard for shard, names in found.items() for stream in names} == {
            stream: shard_of(stream) for stream in streams
        }

    async def test_sent_rows_are_not_offered_again(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.outbox.put([row("a", b"1"), row("a", b"2")])
        first, second = await store.outbox.unsent(ALL, 10)

        await store.outbox.mark_sent([first.id], lease)

        assert await store.outbox.unsent(ALL, 10) == [second]
        assert await store.outbox.unsent(ALL, 10, [second.id]) == []

    async def test_rows_under_several_leases_are_marked_together_or_not_at_all(
        self, store: Store, later: Later
    ) -> None:
        lost = await store.leases.acquire("relay:0", "one", timedelta(seconds=0.01))
        assert lost is not None
        held = [await lease_of(store, key="relay:1"), await lease_of(store, key="relay:2")]
        await store.outbox.put([row("a", b"1"), row("b", b"2")])
        rows = await store.outbox.unsent(ALL, 10)
        await later(0.02)

        with pytest.raises(FenceLost) as error:
            await store.outbox.mark_sent([one.id for one in rows], held[0], lost, held[1])

        assert error.value.key == lost.key
        assert await store.outbox.unsent(ALL, 10) == rows
        await store.outbox.mark_sent([one.id for one in rows], *held)
        assert await store.outbox.unsent(ALL, 10) == []

    async def test_what_is_unsent_is_counted_and_the_oldest_of_it_has_an_age(self, store: Store, later: Later) -> None:
        assert await store.outbox.backlog() == Backlog()
        await store.outbox.put([row("a")])
        await later(0.02)
        await store.outbox.put([row("b"), row("c")])

        backlog = await store.outbox.backlog()

        assert backlog.rows == 3
        assert timedelta(seconds=0.02) <= backlog.age < timedelta(minutes=1)
        assert (await store.outbox.backlog(limit=2)).rows == 2

    async def test_what_was_sent_does_not_wait_any_more(self, store: Store) -> None:
        await store.outbox.put([row("a")])
        sent = await store.outbox.unsent(ALL, 10)
        await store.outbox.mark_sent([one.id for one in sent], await lease_of(store))

        assert await store.outbox.backlog() == Backlog()

    async def test_who_lost_the_lease_can_mark_and_publish_and_move_nothing(self, store: Store, later: Later) -> None:
        old = await store.leases.acquire("relay", "frozen", timedelta(seconds=0.01))
        assert old is not None
        await store.outbox.put([row("a")])
        rows = await store.outbox.unsent(ALL, 10)
        await later(0.02)
        await lease_of(store, "relay-2")

        with pytest.raises(FenceLost):
            await store.outbox.mark_sent([rows[0].id], old)
        with pytest.raises(FenceLost):
            await store.outbox.publish(rows, PARTITIONS, old)
        with pytest.raises(FenceLost):
            await store.outbox.block(rows[0].id, "no", old)
        with pytest.raises(FenceLost):
            await store.log.move("g", [Place("t", 0, 1)], old)

        assert await store.outbox.unsent(ALL, 10) == rows
        assert await everything(store) == []
        assert await store.log.positions("g") == []

    async def test_a_blocked_row_stops_its_stream_only(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.outbox.put([row("a", b"1"), row("b", b"2"), row("a", b"3")])
        first, other, _ = await store.outbox.unsent(ALL, 10)

        await store.outbox.block(first.id, "too large", lease)

        assert await store.outbox.unsent(ALL, 10) == [other]
        assert await store.outbox.blocked() == [(first, "too large")]
        assert await store.outbox.blocked(stream="b") == []
        assert await store.outbox.unblock("b", [row("b", b"4")]) == 0
        assert await store.outbox.unblock("a", [row("a", b"5")]) == 1
        assert [one.value for one in await store.outbox.unsent(ALL, 10)] == [b"1", b"2", b"3", b"5"]
        assert await store.outbox.blocked() == []

    async def test_published_rows_have_positions_without_gaps(self, store: Store) -> None:
        lease = await lease_of(store)
        for turn in range(3):
            await store.outbox.put([row(f"s{number}", b"%d" % turn) for number in range(20)])
            await store.outbox.publish(await store.outbox.unsent(ALL, 100), PARTITIONS, lease)

        records = await everything(store)

        assert len(records) == 60
        ends = {place.partition: place.position for place in await store.log.ends(["t", "u"])}
        for partition in range(3):
            mine = [record for record in records if record.partition == partition]
            assert [record.position for record in mine] == list(range(len(mine)))
            assert ends[partition] == len(mine)
        assert await store.log.ends(["nothing"]) == []
        for number in range(20):
            said = [record.value for record in records if record.key == b"s%d" % number]
            assert said == [b"0", b"1", b"2"]
        assert await store.outbox.unsent(ALL, 10) == []

    async def test_a_spread_chooses_the_partition(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.outbox.put([row("a", b"%d" % spread, spread=spread) for spread in range(5, 9)])
        await store.outbox.publish(await store.outbox.unsent(ALL, 100), PARTITIONS, lease)

        assert sorted((one.partition, one.position, one.value) for one in await everything(store)) == [
            (0, 0, b"6"), (1, 0, b"7"), (2, 0, b"5"), (2, 1, b"8"),
        ]  # fmt: skip

    async def test_rows_that_were_published_already_are_left_out(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.outbox.put([row("a", b"1", topic="u"), row("a", b"2", topic="u")])
        rows = await store.outbox.unsent(ALL, 10)
        await store.outbox.publish(rows[:1], PARTITIONS, lease)
        await store.outbox.publish(rows, PARTITIONS, lease)

        assert [one.value for one in await everything(store)] == [b"1", b"2"]

    async def test_reading_begins_at_the_given_place_and_serves_every_partition(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.outbox.put([row("a", b"%d" % number, spread=number % 3) for number in range(30)])
        await store.outbox.publish(await store.outbox.unsent(ALL, 100), PARTITIONS, lease)

        found = await store.log.read([Place("t", 0, 8), Place("t", 1, 0), Place("t", 2, 0)], 10)

        assert len(found) == 10
        by_partition = {p: [one.position for one in found if one.partition == p] for p in range(3)}
        assert by_partition == {0: [8, 9], 1: [0, 1, 2, 3], 2: [0, 1, 2, 3]}
        assert await store.log.read([], 10) == []

    async def test_a_group_has_positions_of_its_own(self, store: Store) -> None:
        lease = await lease_of(store)
        await store.log.move("g", [Place("t", 0, 4), Place("t", 1, 2)], lease)
        await store.log.move("g", [Place("t", 0, 5)], lease)
        await store.log.move("h", [Place("t", 0, 9)], lease)

        assert await store.log.positions("g") == [Place("t", 0, 5), Place("t", 1, 2)]
        assert await store.log.positions("nobody") == []

    @pytest.mark.parametrize("point", PUBLISH_POINTS)
    async def test_a_crash_in_publish_leaves_all_or_nothing(self, store: Store, reopen: Reopen, point: str) -> None:
        lease = await lease_of(store)
        await store.outbox.put([row("a", b"1"), row("a", b"2")])
        rows = await store.outbox.unsent(ALL, 10)
        dying = await reopen(CrashAt(point))

        with pytest.raises(Crashed):
            await dying.outbox.publish(rows, PARTITIONS, lease)

        done = point == PUBLISH_COMMITTED
        assert len(await everything(store)) == (2 if done else 0)
        assert len(await store.outbox.unsent(ALL, 10)) == (0 if done else 2)
