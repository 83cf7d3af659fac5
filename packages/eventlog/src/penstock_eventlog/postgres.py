"""The log on the store: what is produced goes through the outbox, what is consumed is read from the log table.

It serves one process at a time, which holds the lease `penstock:up` and moves positions under its fence. So a group has
one member per topic here, and it has all partitions; scaling out is Kafka's work. Topics keep their partitions.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from penstock_contracts.flow import TOPICS
from penstock_eventlog.errors import LogMisconfigured, LogTakenOver, LogUnavailable, RecordRefused
from penstock_eventlog.ports import NewRecord, Partition, Revoked
from penstock_eventlog.records import row_of_record
from penstock_store.errors import FenceLost, StoreUnavailable
from penstock_store.ports import Outbox, Store
from penstock_store.rows import Lease, Place, RawRecord

POLL = 0.2
ENDS = 5.0
HeldLease = Callable[[], Lease | None]


def topic_partitions() -> Mapping[str, int]:
    """A topic of this log is a word in a table."""
    return {topic.name: topic.partitions for topic in TOPICS}


class PostgresLog:
    def __init__(self, store: Store, lease: HeldLease, partitions: Mapping[str, int] | None = None) -> None:
        self._store = store
        self._lease = lease
        self._partitions = dict(partitions or topic_partitions())
        self._consumers: list[PostgresConsumer] = []

    def grown(self, topics: Collection[str]) -> None:
        """A hint for those who read these topics. The relay that publishes is in this process, as they are."""
        for consumer in self._consumers:
            consumer.grown(topics)

    def consumer(
        self, group: str, topics: Sequence[str], on_revoked: Revoked, wake: asyncio.Event | None = None
    ) -> "PostgresConsumer":
        unknown = sorted(set(topics) - set(self._partitions))
        if unknown:
            raise LogMisconfigured(f"there is no topic {', '.join(unknown)}")
        assigned = frozenset((topic, number) for topic in topics for number in range(self._partitions[topic]))
        made = PostgresConsumer(
            self._store, self._lease, group, assigned, wake=wake or asyncio.Event(), on_close=self._consumers.remove
        )
        self._consumers.append(made)
        return made

    def producer(self) -> "PostgresProducer":
        return PostgresProducer(self._store.outbox, frozenset(self._partitions))

    async def partitions(self) -> Mapping[str, int]:
        return dict(self._partitions)

    async def prepare(self) -> None:
        """The table is there since the migration."""

    async def check(self) -> None:
        try:
            await self._store.check()
        except StoreUnavailable as error:
            raise LogUnavailable(str(error)) from error

    async def close(self) -> None:
        """The store is not ours to close."""


class PostgresConsumer:
    def __init__(
        self,
        store: Store,
        lease: HeldLease,
        group: str,
        assigned: frozenset[Partition],
        *,
        wake: asyncio.Event,
        on_close: Callable[["PostgresConsumer"], None],
    ) -> None:
        self._table, self._lease = store.log, lease
        self._group = group
        self._assigned = assigned
        self._paused: set[Partition] = set()
        self._next: dict[Partition, int] | None = None
        self._wake, self._more, self._on_close = wake, asyncio.Event(), on_close
        self._look_at = 0.0
        """When to look again though nobody said that there is more."""
        self._ends: Mapping[Partition, int] = {}
        self._ends_due = 0.0

    def grown(self, topics: Collection[str]) -> None:
        if any(topic in topics for topic, _ in self._assigned):
            self._more.set()
            self._wake.set()

    async def poll(self, limit: int, timeout: float) -> Sequence[RawRecord]:
        clock = asyncio.get_running_loop()
        deadline = clock.time() + timeout
        while True:
            found = await self._look(limit, clock.time())
            left = deadline - clock.time()
            if found or left <= 0:
                return found
            try:
                async with asyncio.timeout(min(left, POLL)):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def commit(self, places: Sequence[Place]) -> None:
        ours = [place for place in places if (place.topic, place.partition) in self._assigned]
        lease = self._lease()
        if lease is None:
            raise LogTakenOver("this process has lost the lease of the log")
        try:
            await self._table.move(self._group, ours, lease)
        except FenceLost as error:
            raise LogTakenOver(str(error)) from error
        except StoreUnavailable as error:
            raise LogUnavailable(str(error)) from error

    def pause(self, partitions: Sequence[Partition]) -> None:
        self._paused |= self._assigned & frozenset(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        self._paused -= frozenset(partitions)
        self._more.set()

    def assigned(self) -> frozenset[Partition]:
        return self._assigned

    def lag(self) -> Mapping[Partition, int]:
        following = self._next or {}
        return {one: max(0, end - following.get(one, 0)) for one, end in self._ends.items() if one in self._assigned}

    async def close(self) -> None:
        self._assigned = frozenset()
        self._on_close(self)

    async def _look(self, limit: int, now: float) -> Sequence[RawRecord]:
        """A loop asks at each of its steps; the table is asked when there may be something in it."""
        if not self._more.is_set() and now < self._look_at:
            return ()
        self._more.clear()
        self._look_at = now
        await self._look_at_ends(now)
        found = await self._read(limit)
        self._look_at = now if found else now + POLL
        return found

    async def _look_at_ends(self, now: float) -> None:
        """Before the reading: what was read would be lost where this fails."""
        if now < self._ends_due:
            return
        try:
            ends = await self._table.ends(sorted({topic for topic, _ in self._assigned}))
        except StoreUnavailable as error:
            raise LogUnavailable(str(error)) from error
        self._ends = {(place.topic, place.partition): place.position for place in ends}
        self._ends_due = now + ENDS

    async def _read(self, limit: int) -> Sequence[RawRecord]:
        try:
            following = await self._following()
            places = [Place(*one, following.get(one, 0)) for one in sorted(self._assigned - self._paused)]
            rows = await self._table.read(places, limit) if places else ()
        except StoreUnavailable as error:
            raise LogUnavailable(str(error)) from error
        for row in rows:
            following[row.topic, row.partition] = row.position + 1
        return [RawRecord(row.topic, row.partition, row.position, row.key, row.headers, row.value) for row in rows]

    async def _following(self) -> dict[Partition, int]:
        """Where to read next; at first where the group is."""
        if self._next is None:
            positions = await self._table.positions(self._group)
            self._next = {(place.topic, place.partition): place.position for place in positions}
        return self._next


class PostgresProducer:
    """The commit of the outbox rows is the acknowledgement; the relay takes them to the table."""

    def __init__(self, outbox: Outbox, topics: frozenset[str]) -> None:
        self._outbox = outbox
        self._topics = topics

    async def send(self, records: Sequence[NewRecord]) -> None:
        refused = {
            index: f"there is no topic {record.topic}"
            for index, record in enumerate(records)
            if record.topic not in self._topics
        }
        try:
            await self._outbox.put([row_of_record(one) for index, one in enumerate(records) if index not in refused])
        except StoreUnavailable as error:
            raise LogUnavailable(str(error)) from error
        if refused:
            raise RecordRefused(refused)

    async def close(self) -> None:
        """Nothing is held."""
