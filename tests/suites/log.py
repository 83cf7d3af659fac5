"""What every log must do. A subclass gives the fixture `desk`; logs with several members take `LogGroups` too."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import pytest

from penstock_contracts.flow import TOPICS
from penstock_eventlog.errors import LogMisconfigured, RecordRefused
from penstock_eventlog.ports import Consumer, Log, NewRecord, Partition
from penstock_eventlog.records import size_of
from penstock_store.rows import Place, RawRecord

TOPIC = "ast.requested"
OTHER = "ast.completed"
PATIENCE = 30.0


class LogDesk(Protocol):
    """A log under test, and what drives what stands behind it (such as the relay of the Postgres log)."""

    log: Log

    async def settle(self) -> None:
        """What was sent is on the log."""
        ...


def record(key: str, number: int, topic: str = TOPIC, spread: int | None = None) -> NewRecord:
    headers = (("ce_id", f"{key}-{number}".encode()), ("x", b""))
    return NewRecord(topic, key, headers, b"%d" % number, f"stream of {key}", spread)


@dataclass(slots=True)
class Member:
    """A consumer with what it was given and what it lost."""

    consumer: Consumer
    records: list[RawRecord] = field(default_factory=list)
    lost: list[frozenset[Partition]] = field(default_factory=list)

    async def poll(self, limit: int = 500, timeout: float = 0.2) -> Sequence[RawRecord]:
        found = await self.consumer.poll(limit, timeout)
        self.records.extend(found)
        return found

    async def poll_until(self, condition: Callable[[], object], limit: int = 500) -> None:
        await poll_together([self], condition, limit)

    async def commit_all(self) -> None:
        nexts: dict[Partition, int] = {}
        for one in self.records:
            nexts[one.topic, one.partition] = one.position + 1
        await self.consumer.commit([Place(*partition, position) for partition, position in nexts.items()])

    def values(self) -> list[int]:
        return [int(one.value or b"-1") for one in self.records]


async def poll_together(members: Sequence[Member], condition: Callable[[], object], limit: int = 500) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            for member in members:
                await member.poll(limit)


def join(desk: LogDesk, group: str, *topics: str) -> Member:
    lost: list[frozenset[Partition]] = []
    member = Member(desk.log.consumer(group, topics or (TOPIC,), lost.append))
    member.lost = lost
    return member


async def say(desk: LogDesk, records: Sequence[NewRecord]) -> None:
    producer = desk.log.producer()
    try:
        await producer.send(records)
    finally:
        await producer.close()
    await desk.settle()


class LogSuite:
    async def test_a_record_arrives_as_it_was_sent(self, desk: LogDesk) -> None:
        await say(desk, [record("key", 7)])
        member = join(desk, "group")
        await member.poll_until(lambda: member.records)
        (found,) = member.records
        assert (found.topic, found.key, found.value) == (TOPIC, b"key", b"7")
        assert found.headers == (("ce_id", b"key-7"), ("x", b""))
        await member.consumer.close()

    async def test_the_records_of_a_key_stay_in_order_on_one_partition(self, desk: LogDesk) -> None:
        await say(desk, [record(f"key-{number % 10}", number) for number in range(300)])
        member = join(desk, "group")
        await member.poll_until(lambda: len(member.records) == 300)
        order: dict[bytes | None, list[int]] = defaultdict(list)
        partitions: dict[bytes | None, set[int]] = defaultdict(set)
        for one in member.records:
            order[one.key].append(int(one.value or b"-1"))
            partitions[one.key].add(one.partition)
        assert all(len(of_key) == 1 for of_key in partitions.values())
        for number in range(10):
            assert order[b"key-%d" % number] == list(range(number, 300, 10))
        await member.consumer.close()

    async def test_positions_of_a_partition_grow(self, desk: LogDesk) -> None:
        await say(desk, [record("key", number) for number in range(20)])
        member = join(desk, "group")
        await member.poll_until(lambda: len(member.records) == 20)
        positions = [one.position for one in member.records]
        assert positions == sorted(set(positions))
        await member.consumer.close()

    async def test_a_member_knows_how_far_it_is_behind(self, desk: LogDesk) -> None:
        await say(desk, [record("key", number) for number in range(20)])
        member = join(desk, "group")
        await member.poll_until(lambda: len(member.records) >= 5, limit=5)
        member.consumer.pause(sorted(member.consumer.assigned()))
        await member.poll_until(lambda: sum(member.consumer.lag().values()) == 15)
        assert len(member.records) == 5
        await member.consumer.close()

    async def test_a_spread_names_the_partition(self, desk: LogDesk) -> None:
        count = (await desk.log.partitions())[TOPIC]
        await say(desk, [record("key", number, spread=1_000 + number) for number in range(count)])
        member = join(desk, "group")
        await member.poll_until(lambda: len(member.records) == count)
        assert {one.partition for one in member.records} == set(range(count))
        assert all(one.partition == (1_000 + int(one.value or b"-1")) % count for one in member.records)
        await member.consumer.close()

    async def test_no_poll_gives_more_than_its_limit(self, desk: LogDesk) -> None:
        await say(desk, [record(f"key-{number}", number) for number in range(50)])
        member = join(desk, "group")
        sizes: list[int] = []
        async with asyncio.timeout(PATIENCE):
            while len(member.records) < 50:
                sizes.append(len(await member.poll(7)))
        assert max(sizes) <= 7
        await member.consumer.close()

    async def test_what_was_not_committed_is_given_again_to_the_next_member(self, desk: LogDesk) -> None:
        await say(desk, [record("key", number) for number in range(10)])
        first = join(desk, "group")
        await first.poll_until(lambda: len(first.records) == 10)
        fifth = first.records[4]
        await first.consumer.commit([Place(fifth.topic, fifth.partition, fifth.position + 1)])
        await first.consumer.close()
        second = join(desk, "group")
        await second.poll_until(lambda: second.records)
        await second.poll_until(lambda: len(second.records) >= 5)
        assert second.values() == [5, 6, 7, 8, 9]
        await second.consumer.close()

    async def test_groups_read_apart_from_each_other(self, desk: LogDesk) -> None:
        await say(desk, [record("key", number) for number in range(5)])
        first = join(desk, "group")
        await first.poll_until(lambda: len(first.records) == 5)
        await first.commit_all()
        other = join(desk, "other group")
        await other.poll_until(lambda: len(other.records) == 5)
        assert other.values() == [0, 1, 2, 3, 4]
        await first.consumer.close()
        await other.consumer.close()

    async def test_a_paused_partition_gives_nothing_until_it_is_resumed(self, desk: LogDesk) -> None:
        await say(desk, [record("key", number) for number in range(100)])
        member = join(desk, "group")
        await member.poll_until(lambda: member.records, limit=10)
        member.consumer.pause(sorted(member.consumer.assigned()))
        before = len(member.records)
        for _ in range(5):
            await member.poll()
        assert len(member.records) == before
        member.consumer.resume(sorted(member.consumer.assigned()))
        await member.poll_until(lambda: len(member.records) == 100)
        assert member.values() == list(range(100))
        await member.consumer.close()

    async def test_records_that_come_later_set_the_bell(self, desk: LogDesk) -> None:
        wake = asyncio.Event()
        consumer = desk.log.consumer("group", [TOPIC], lambda _: None, wake)
        async with asyncio.timeout(PATIENCE):
            while not consumer.assigned():
                await consumer.poll(10, 0.2)
        await consumer.poll(10, 0)
        wake.clear()
        await say(desk, [record("key", 1)])
        async with asyncio.timeout(PATIENCE):
            await wake.wait()
        found: list[RawRecord] = []
        async with asyncio.timeout(PATIENCE):
            while not found:
                found.extend(await consumer.poll(10, 0.2))
        await consumer.close()

    async def test_a_member_hears_several_topics(self, desk: LogDesk) -> None:
        await say(desk, [record("key", 1), record("key", 2, OTHER)])
        member = join(desk, "group", TOPIC, OTHER)
        await member.poll_until(lambda: len(member.records) == 2)
        assert {one.topic for one in member.records} == {TOPIC, OTHER}
        await member.consumer.close()

    async def test_every_topic_of_the_flow_table_is_there_with_its_partitions(self, desk: LogDesk) -> None:
        await desk.log.prepare()
        assert await desk.log.partitions() == {topic.name: topic.partitions for topic in TOPICS}
        await desk.log.check()

    async def test_a_record_for_no_topic_is_refused_and_the_others_are_taken(self, desk: LogDesk) -> None:
        producer = desk.log.producer()
        with pytest.raises((RecordRefused, LogMisconfigured)):
            await producer.send([record("a", 1), record("b", 2, "no.such.topic")])
        await producer.close()
        await desk.settle()
        member = join(desk, "group")
        await member.poll_until(lambda: member.records)
        assert member.values() == [1]
        await member.consumer.close()

    async def test_nothing_is_sent_for_nothing(self, desk: LogDesk) -> None:
        await say(desk, [])


Kill = Callable[[Consumer], Awaitable[None]]


class LogGroups:
    """For logs whose groups have several members."""

    async def test_two_members_share_the_partitions_and_lose_them_only_by_being_told(self, desk: LogDesk) -> None:
        first = join(desk, "group")
        await first.poll_until(lambda: len(first.consumer.assigned()) == 12)
        second = join(desk, "group")
        await poll_together([first, second], lambda: len(second.consumer.assigned()) == 6)
        assert not first.consumer.assigned() & second.consumer.assigned()
        assert frozenset().union(*first.lost) == second.consumer.assigned()
        await first.consumer.close()
        await second.consumer.close()

    async def test_a_member_that_leaves_is_replaced_and_what_it_did_not_commit_comes_again(self, desk: LogDesk) -> None:
        first, second = join(desk, "group"), join(desk, "group")
        await poll_together(
            [first, second], lambda: [len(one.consumer.assigned()) for one in (first, second)] == [6, 6]
        )
        await say(desk, [record(f"key-{number}", number) for number in range(60)])
        await poll_together([first, second], lambda: len(first.records) + len(second.records) == 60)
        assert first.records
        assert second.records
        await first.commit_all()
        seen = len(first.records)
        await second.consumer.close()
        await first.poll_until(lambda: len(first.records) >= 60)
        assert sorted(first.values()[seen:]) == sorted(second.values())
        assert len(first.consumer.assigned()) == 12
        await first.consumer.close()

    async def test_a_partition_that_was_paused_is_not_paused_for_who_gets_it_next(self, desk: LogDesk) -> None:
        await say(desk, [record(f"key-{number}", number) for number in range(60)])
        first = join(desk, "group")
        await first.poll_until(lambda: len(first.consumer.assigned()) == 12)
        first.consumer.pause(sorted(first.consumer.assigned()))
        second = join(desk, "group")
        await poll_together([first, second], lambda: len(second.consumer.assigned()) == 6)
        theirs = second.consumer.assigned()
        await second.consumer.close()
        seen = len(first.records)
        await first.poll_until(lambda: len(first.records) > seen)
        assert {(one.topic, one.partition) for one in first.records[seen:]} <= theirs
        await first.consumer.close()

    async def test_a_commit_for_a_lost_partition_is_ignored(self, desk: LogDesk) -> None:
        first = join(desk, "group")
        await first.poll_until(lambda: len(first.consumer.assigned()) == 12)
        second = join(desk, "group")
        await poll_together([first, second], lambda: len(second.consumer.assigned()) == 6)
        lost = next(iter(second.consumer.assigned()))
        await first.consumer.commit([Place(*lost, 1_000)])
        await first.consumer.close()
        await second.consumer.close()


class LimitedDesk(LogDesk, Protocol):
    async def limit(self, topic: str, size: int) -> None:
        """From now on the topic takes no record that is larger."""
        ...


def weighing(key: str, number: int, size: int) -> NewRecord:
    one = record(key, number)
    return replace(one, headers=(one.headers[0], ("x", b"0" * (size - size_of(one)))))


class LogLimits:
    """For logs whose topics take records up to a size."""

    async def test_a_record_too_large_is_refused_with_what_follows_it_in_its_stream_and_nothing_else(
        self, limited: LimitedDesk
    ) -> None:
        await limited.limit(TOPIC, 1_000)
        producer = limited.log.producer()
        sent = [record("a", 0), record("b", 1), weighing("a", 2, 1_500), record("b", 3), record("a", 4), record("b", 5)]
        with pytest.raises(RecordRefused) as told:
            await producer.send(sent)
        assert list(told.value.refused) == [2, 4]
        await producer.send([record("b", 6)])
        member = join(limited, "group")
        await member.poll_until(lambda: len(member.records) == 5)
        assert sorted(member.values()) == [0, 1, 3, 5, 6]

        await limited.limit(TOPIC, size_of(sent[2]))
        await producer.send([sent[2], sent[4]])
        await member.poll_until(lambda: len(member.records) == 7)
        assert member.values()[-2:] == [2, 4]
        await producer.close()
        await member.consumer.close()

    async def test_what_is_as_large_as_its_topic_takes_is_taken(self, limited: LimitedDesk) -> None:
        await limited.limit(TOPIC, 1_000)
        await say(limited, [weighing("a", number, 1_000) for number in range(20)])
        member = join(limited, "group")
        await member.poll_until(lambda: len(member.records) == 20)
        assert member.values() == list(range(20))
        await member.consumer.close()
