"""How far a group is behind, as its members say."""

import pytest
from prometheus_client import CollectorRegistry

from penstock_eventlog.lagging import EVERY, Lagging
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.ports import Consumer, NewRecord
from penstock_eventlog.prefix import FinishedPrefix
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics

TOPIC = "ast.requested"


class Group:
    """One partition with records in it, and a member that says how far it is."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.log = MemoryLog({TOPIC: 2})
        self.prefix = FinishedPrefix()
        self.lagging = Lagging("workers", self.prefix, self.clock, Metrics(self.registry))

    async def say(self, count: int) -> None:
        records = [NewRecord(TOPIC, "key", (), b"", "stream", spread=0) for _ in range(count)]
        await self.log.producer().send(records)

    def join(self) -> Consumer:
        return self.log.consumer("workers", (TOPIC,), self.prefix.drop)

    async def take(self, member: Consumer, limit: int) -> None:
        self.prefix.polled(await member.poll(limit, 0.0))

    def said(self, partition: int = 0) -> float | None:
        labels = {"group": "workers", "topic": TOPIC, "partition": str(partition)}
        return self.registry.get_sample_value("consumer_lag_records", labels)


@pytest.fixture
def group() -> Group:
    return Group()


async def test_what_was_not_polled_and_what_is_in_hand_are_behind(group: Group) -> None:
    await group.say(10)
    member = group.join()
    await group.take(member, 4)

    group.lagging.look(member)
    assert group.said() == 10

    group.prefix.finished((TOPIC, 0), 0)
    group.clock.advance(EVERY)
    group.lagging.look(member)
    assert group.said() == 9


async def test_it_looks_now_and_then_only(group: Group) -> None:
    member = group.join()
    await group.take(member, 1)
    group.lagging.look(member)
    await group.say(1)

    group.clock.advance(EVERY - 0.1)
    group.lagging.look(member)
    assert group.said() == 0

    group.clock.advance(0.1)
    group.lagging.look(member)
    assert group.said() == 1


async def test_of_a_partition_that_was_lost_nothing_is_said_any_more(group: Group) -> None:
    await group.say(1)
    member = group.join()
    await group.take(member, 1)
    group.lagging.look(member)
    assert [group.said(0), group.said(1)] == [1, 0]

    group.join()
    await group.take(member, 1)
    group.clock.advance(EVERY)
    group.lagging.look(member)

    assert sum(group.said(partition) is None for partition in (0, 1)) == 1
