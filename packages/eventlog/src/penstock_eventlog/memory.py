"""The log in memory: real groups, partitions and redelivery. For tests, the simulator and `penstock review`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from penstock_contracts.flow import TOPICS
from penstock_contracts.partitioner import partition_of
from penstock_eventlog.errors import LogMisconfigured, LogUnavailable, RecordRefused
from penstock_eventlog.ports import NewRecord, Partition, Revoked
from penstock_store.rows import Place, RawRecord

Refusal = Callable[[NewRecord], str]
NONE: frozenset[Partition] = frozenset()


def _take_all(_: NewRecord) -> str:
    return ""


@dataclass(slots=True)
class _Group:
    committed: dict[Partition, int] = field(default_factory=dict)
    members: list["MemoryConsumer"] = field(default_factory=list)

    def rebalance(self, partitions: Mapping[str, int]) -> None:
        """Partitions in turn to the members of their topic. Cooperative: whoever keeps one notices nothing, a member
        gets one of another only after that one was told, in a poll, that it lost it."""
        shares: dict[MemoryConsumer, set[Partition]] = {member: set() for member in self.members}
        for topic, count in sorted(partitions.items()):
            listeners = [member for member in self.members if topic in member.topics]
            for partition in range(count if listeners else 0):
                shares[listeners[partition % len(listeners)]].add((topic, partition))
        for member, share in shares.items():
            member.give_up(member.assigned() - share)
        for member, share in shares.items():
            elsewhere = {partition for other in self.members if other is not member for partition in other.holds()}
            member.assign(frozenset(share - elsewhere))


class MemoryLog:
    """`go_away`, `come_back` and `refuse` make it fail as a broker does."""

    def __init__(self, partitions: Mapping[str, int] | None = None) -> None:
        self._partitions = dict(partitions or {topic.name: topic.partitions for topic in TOPICS})
        self._records: dict[Partition, list[RawRecord]] = {
            (topic, partition): [] for topic, count in self._partitions.items() for partition in range(count)
        }
        self._groups: dict[str, _Group] = {}
        self._away = ""
        self._refusal: Refusal = _take_all

    def consumer(
        self, group: str, topics: Sequence[str], on_revoked: Revoked, wake: asyncio.Event | None = None
    ) -> "MemoryConsumer":
        unknown = sorted(set(topics) - set(self._partitions))
        if unknown:
            raise LogMisconfigured(f"there is no topic {', '.join(unknown)}: run `penstock topics`")
        joined = self._groups.setdefault(group, _Group())
        member = MemoryConsumer(self, joined, frozenset(topics), on_revoked, wake or asyncio.Event())
        joined.members.append(member)
        joined.rebalance(self._partitions)
        return member

    def producer(self) -> "MemoryProducer":
        return MemoryProducer(self)

    async def partitions(self) -> Mapping[str, int]:
        return dict(self._partitions)

    async def prepare(self) -> None:
        self.raise_if_away()

    async def check(self) -> None:
        self.raise_if_away()

    async def close(self) -> None:
        for group in self._groups.values():
            group.members.clear()

    def go_away(self, why: str = "the memory log was told to be away") -> None:
        self._away = why

    def come_back(self) -> None:
        self._away = ""
        self._ring(frozenset(self._partitions))

    def refuse(self, refusal: Refusal) -> None:
        """From now on records for which this gives a reason are refused."""
        self._refusal = refusal

    def raise_if_away(self) -> None:
        if self._away:
            raise LogUnavailable(self._away)

    def records(self, topic: str) -> tuple[RawRecord, ...]:
        """Everything on a topic, partition by partition."""
        return tuple(
            record for partition in range(self._partitions[topic]) for record in self._records[topic, partition]
        )

    def committed(self, group: str) -> Mapping[Partition, int]:
        return dict(self._groups[group].committed) if group in self._groups else {}

    def leave(self, group: _Group, member: "MemoryConsumer") -> None:
        if member in group.members:
            group.members.remove(member)
            group.rebalance(self._partitions)

    def rebalance(self, group: _Group) -> None:
        group.rebalance(self._partitions)

    def append(self, records: Sequence[NewRecord]) -> None:
        self.raise_if_away()
        refused: dict[int, str] = {}
        blocked: set[str] = set()
        for index, record in enumerate(records):
            reason = self._reason(record) or ("it follows a refused record" if record.stream in blocked else "")
            if reason:
                refused[index] = reason
                blocked.add(record.stream)
            else:
                self._append(record)
        self._ring(frozenset(record.topic for record in records))
        if refused:
            raise RecordRefused(refused)

    def read(self, partition: Partition, position: int, limit: int) -> Sequence[RawRecord]:
        return self._records[partition][position : position + limit]

    def end(self, partition: Partition) -> int:
        return len(self._records[partition])

    def _reason(self, record: NewRecord) -> str:
        return self._refusal(record) if record.topic in self._partitions else f"there is no topic {record.topic}"

    def _append(self, record: NewRecord) -> None:
        partition = partition_of(record.key, record.spread, self._partitions[record.topic])
        lying = self._records[record.topic, partition]
        lying.append(RawRecord(record.topic, partition, len(lying), record.key.encode(), record.headers, record.value))

    def _ring(self, topics: frozenset[str]) -> None:
        for group in self._groups.values():
            for member in group.members:
                if not member.topics.isdisjoint(topics):
                    member.wake.set()


class MemoryConsumer:
    def __init__(
        self, log: MemoryLog, group: _Group, topics: frozenset[str], on_revoked: Revoked, wake: asyncio.Event
    ) -> None:
        self.topics = topics
        self.wake = wake
        self._log = log
        self._group = group
        self._on_revoked = on_revoked
        self._assigned = NONE
        self._lost = NONE
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._turn = 0

    def give_up(self, partitions: frozenset[Partition]) -> None:
        """By the group. It is told at the next poll, and holds them until then."""
        self._lost |= partitions
        self._assigned -= partitions
        for partition in partitions:
            self._positions.pop(partition, None)
            self._paused.discard(partition)

    def assign(self, share: frozenset[Partition]) -> None:
        """By the group. What is new is read from where the group is."""
        self._assigned = share
        self.wake.set()

    def holds(self) -> frozenset[Partition]:
        return self._assigned | self._lost

    async def poll(self, limit: int, timeout: float) -> Sequence[RawRecord]:
        """The timeout means nothing here: what is not there now cannot come while nobody else runs."""
        self._log.raise_if_away()
        if self._lost:
            lost, self._lost = self._lost, NONE
            self._on_revoked(lost)
            self._log.rebalance(self._group)
        found: list[RawRecord] = []
        self._turn += 1
        for partition in _from(sorted(self._assigned - self._paused), self._turn):
            position = self._positions.get(partition)
            if position is None:
                position = self._positions[partition] = self._group.committed.get(partition, 0)
            if position < self._log.end(partition):
                records = self._log.read(partition, position, limit - len(found))
                self._positions[partition] = position + len(records)
                found.extend(records)
        return found

    async def commit(self, places: Sequence[Place]) -> None:
        self._log.raise_if_away()
        for place in places:
            if (place.topic, place.partition) in self._assigned:
                self._group.committed[place.topic, place.partition] = place.position

    def pause(self, partitions: Sequence[Partition]) -> None:
        self._paused |= self._assigned & frozenset(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        self._paused -= frozenset(partitions)

    def assigned(self) -> frozenset[Partition]:
        return self._assigned

    def lag(self) -> Mapping[Partition, int]:
        return {
            partition: self._log.end(partition) - position
            for partition, position in self._positions.items()
            if partition in self._assigned
        }

    async def close(self) -> None:
        self._assigned = self._lost = NONE
        self._log.leave(self._group, self)


def _from(partitions: list[Partition], turn: int) -> list[Partition]:
    """Beginning with another one each time, so that a full partition does not starve the rest."""
    start = turn % len(partitions) if partitions else 0
    return partitions[start:] + partitions[:start]


class MemoryProducer:
    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def send(self, records: Sequence[NewRecord]) -> None:
        self._log.append(records)

    async def close(self) -> None:
        """Nothing is held."""
