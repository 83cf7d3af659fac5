"""Receipts, the outbox and the log in memory."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, islice, zip_longest

from penstock_contracts.partitioner import partition_of
from penstock_contracts.routing import shard_of
from penstock_runtime.steps import Steps
from penstock_store import points
from penstock_store.memory.tables import Tables
from penstock_store.rows import Backlog, Lease, LogRow, NewOutboxRow, OutboxRow, Place, Verdict

INGEST = "ingest"


class MemoryReceipts:
    def __init__(self, tables: Tables, steps: Steps) -> None:
        self._tables = tables
        self._steps = steps

    async def receive(self, event_id: str, row: NewOutboxRow) -> bool:
        with self._tables.transaction() as transaction:
            if (INGEST, event_id) in self._tables.inbox:
                return False
            transaction.put(self._tables.inbox, (INGEST, event_id), Verdict.APPLIED)
            transaction.publish(row)
            self._steps.reach(points.RECEIVE_WRITTEN)
        self._steps.reach(points.RECEIVE_COMMITTED)
        return True


class MemoryOutbox:
    def __init__(self, tables: Tables, steps: Steps) -> None:
        self._tables = tables
        self._steps = steps

    async def put(self, rows: Sequence[NewOutboxRow]) -> None:
        with self._tables.transaction() as transaction:
            for row in rows:
                transaction.publish(row)

    async def unsent(self, shards: Sequence[int], limit: int, apart_from: Collection[int] = ()) -> Sequence[OutboxRow]:
        tables = self._tables
        tables.ask()
        stopped = {tables.outbox[row_id].stream for row_id in tables.blocked}
        rows = (tables.outbox[row_id] for row_id in sorted(tables.unsent.keys() - apart_from))
        return list(
            islice((row for row in rows if shard_of(row.stream) in shards and row.stream not in stopped), limit)
        )

    async def mark_sent(self, ids: Sequence[int], *leases: Lease) -> None:
        with self._tables.transaction() as transaction:
            for lease in leases:
                self._tables.check_fence(lease)
            for row_id in ids:
                transaction.drop(self._tables.unsent, row_id)

    async def publish(self, rows: Sequence[OutboxRow], partitions: Mapping[str, int], lease: Lease) -> None:
        tables = self._tables
        with tables.transaction() as transaction:
            tables.check_fence(lease)
            for row in rows:
                place = (row.topic, partition_of(row.key, row.spread, partitions[row.topic]))
                position = len(tables.log.get(place, ()))
                record = LogRow(*place, position, row.key.encode(), row.headers, row.value)
                if row.id in tables.unsent:
                    transaction.add(tables.log, place, record)
            for row in rows:
                transaction.drop(tables.unsent, row.id)
            self._steps.reach(points.PUBLISH_WRITTEN)
        self._steps.reach(points.PUBLISH_COMMITTED)

    async def block(self, row_id: int, error: str, lease: Lease) -> None:
        with self._tables.transaction() as transaction:
            self._tables.check_fence(lease)
            if row_id in self._tables.unsent:
                transaction.put(self._tables.blocked, row_id, error)

    async def unblock(self, stream: str, said: Sequence[NewOutboxRow] = ()) -> int:
        tables = self._tables
        with tables.transaction() as transaction:
            freed = [row_id for row_id in tables.blocked if tables.outbox[row_id].stream == stream]
            for row_id in freed:
                transaction.drop(tables.blocked, row_id)
            for row in said if freed else ():
                transaction.publish(row)
        return len(freed)

    async def blocked(self, limit: int = 100, stream: str = "") -> Sequence[tuple[OutboxRow, str]]:
        self._tables.ask()
        rows = [(self._tables.outbox[row_id], error) for row_id, error in sorted(self._tables.blocked.items())]
        return [(row, error) for row, error in rows if stream in ("", row.stream)][:limit]

    async def backlog(self, limit: int = 100_000) -> Backlog:
        self._tables.ask()
        now = self._tables.now()
        oldest = min(self._tables.unsent.values(), default=now)
        return Backlog(min(limit, len(self._tables.unsent)), now - oldest)


class MemoryLog:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def read(self, places: Sequence[Place], limit: int) -> Sequence[LogRow]:
        self._tables.ask()
        found = [
            islice(self._tables.log.get((place.topic, place.partition), ()), place.position, place.position + limit)
            for place in places
        ]
        in_turn = chain.from_iterable(zip_longest(*found))
        return list(islice((row for row in in_turn if row is not None), limit))

    async def positions(self, group: str) -> Sequence[Place]:
        self._tables.ask()
        return [
            Place(topic, partition, position)
            for (of, topic, partition), position in sorted(self._tables.log_positions.items())
            if of == group
        ]

    async def ends(self, topics: Sequence[str]) -> Sequence[Place]:
        self._tables.ask()
        return [Place(*place, len(rows)) for place, rows in sorted(self._tables.log.items()) if place[0] in topics]

    async def move(self, group: str, places: Sequence[Place], lease: Lease) -> None:
        with self._tables.transaction() as transaction:
            self._tables.check_fence(lease)
            for place in places:
                transaction.put(self._tables.log_positions, (group, place.topic, place.partition), place.position)
