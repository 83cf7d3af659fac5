"""Receipts, the outbox and the log on PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, LiteralString

from penstock_contracts.partitioner import partition_of
from penstock_contracts.routing import shard_of
from penstock_runtime.steps import Steps
from penstock_store import points
from penstock_store.errors import FenceLost
from penstock_store.hints import Hint
from penstock_store.postgres.continuity import LAZILY
from penstock_store.postgres.database import Database, check_fence
from penstock_store.postgres.headers import pack_headers, unpack_headers
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.writing import columns, numbers, write_outbox
from penstock_store.rows import Backlog, Lease, LogRow, NewOutboxRow, OutboxRow, Place

_RECEIVE = """
with new as (
  insert into workflow.inbox_messages (consumer, event_id, outcome) values ('ingest', %s, 'applied')
  on conflict (consumer, event_id) do nothing returning 1
)
insert into workflow.outbox_messages (stream, shard, topic, key, spread, headers, value)
select %s, %s, %s, %s, %s, %s, %s from new
"""
# Ids to leave out are asked of a subquery, which is hashed: an array is compared with every row, number by number.
_UNSENT = """
select id, stream, topic, key, spread, headers, value from workflow.outbox_messages as o
where sent_at is null and shard = any(%s::int[]) and id not in (select unnest(%s::bigint[])) and not exists (
  select 1 from workflow.outbox_messages as b where b.blocked_at is not null and b.stream = o.stream)
order by id limit %s
"""
# A mark that is lost with a crash of the server publishes its rows once more, as a crash before it would have.
_MARK: LiteralString = f"""
with held as materialized (
  select l.key from unnest(%s::text[], %s::text[], %s::bigint[]) as n(key, holder, fence)
  join workflow.leases as l on l.key = n.key and l.holder = n.holder and l.fence = n.fence, {LAZILY}
  where l.expires_at > clock_timestamp() order by l.key for share of l
), marked as (
  update workflow.outbox_messages set sent_at = clock_timestamp()
  where id = any(%s::bigint[]) and (select count(*) from held) = %s
)
select key from held
"""
# The lease's row stays locked until the transaction ends, as in check_fence.
_PUBLISH = """
with held as materialized (
  select 1 from workflow.leases
  where key = %s and holder = %s and fence = %s and expires_at > clock_timestamp() for share
), sent as (
  update workflow.outbox_messages as o set sent_at = clock_timestamp()
  from unnest(%s::bigint[], %s::int[]) with ordinality as n(id, partition, turn)
  where o.id = n.id and o.sent_at is null and exists (select from held)
  returning o.topic, n.partition, n.turn, o.key, o.headers, o.value
), ends as (
  insert into workflow.log_ends as e (topic, partition, position)
  select topic, partition, count(*) from sent group by topic, partition order by topic, partition
  on conflict (topic, partition) do update set position = e.position + excluded.position
  returning topic, partition, position
), appended as (
  insert into workflow.log (topic, partition, position, key, headers, value)
  select s.topic, s.partition,
    e.position - count(*) over (partition by s.topic, s.partition)
      + row_number() over (partition by s.topic, s.partition order by s.turn) - 1,
    convert_to(s.key, 'UTF8'), s.headers, s.value
  from sent as s join ends as e on e.topic = s.topic and e.partition = s.partition
)
select 1 from held
"""
_BLOCK = """
update workflow.outbox_messages set blocked_at = clock_timestamp(), error = %s where id = %s and sent_at is null
"""
_UNBLOCK = """
update workflow.outbox_messages set blocked_at = null, error = '' where stream = %s and blocked_at is not null
"""
_BLOCKED = """
select id, stream, topic, key, spread, headers, value, error from workflow.outbox_messages
where blocked_at is not null and (%s = '' or stream = %s) order by id limit %s
"""
_BACKLOG = """
select count(*) as rows, coalesce(clock_timestamp() - min(created_at), interval '0') as age from (
  select created_at from workflow.outbox_messages where sent_at is null order by id limit %s
) as unsent
"""
_READ = """
select r.topic, r.partition, r.position, r.key, r.headers, r.value
from unnest(%(topics)s::text[], %(partitions)s::int[], %(positions)s::bigint[]) as p(topic, partition, position)
cross join lateral (
  select l.*, row_number() over (order by l.position) as turn from (
    select * from workflow.log where topic = p.topic and partition = p.partition and position >= p.position
    order by position limit %(limit)s) as l
) as r
order by r.turn, r.topic, r.partition limit %(limit)s
"""
_POSITIONS = """
select topic, partition, position from workflow.log_positions where consumer_group = %s order by topic, partition
"""
_ENDS = """
select topic, partition, position from workflow.log_ends where topic = any(%s::text[]) order by topic, partition
"""
_MOVE = """
with held as materialized (
  select 1 from workflow.leases
  where key = %s and holder = %s and fence = %s and expires_at > clock_timestamp() for share
), moved as (
  insert into workflow.log_positions (consumer_group, topic, partition, position)
  select %s, topic, partition, position
  from unnest(%s::text[], %s::int[], %s::bigint[]) as n(topic, partition, position), held
  on conflict (consumer_group, topic, partition) do update set position = excluded.position
)
select 1 from held
"""


class PostgresReceipts:
    def __init__(self, database: Database, steps: Steps, hints: PostgresHints) -> None:
        self._database = database
        self._steps = steps
        self._hints = hints

    async def receive(self, event_id: str, row: NewOutboxRow) -> bool:
        """One statement, hence one transaction."""
        values = (event_id, row.stream, shard_of(row.stream), *_sent(row))
        self._steps.reach(points.RECEIVE_WRITTEN)
        received = await self._database.execute(_RECEIVE, values) == 1
        self._steps.reach(points.RECEIVE_COMMITTED)
        if received:
            self._hints.give(Hint.OUTBOX)
        return received


class PostgresOutbox:
    def __init__(self, database: Database, steps: Steps, hints: PostgresHints) -> None:
        self._database = database
        self._steps = steps
        self._hints = hints

    async def put(self, rows: Sequence[NewOutboxRow]) -> None:
        async with self._database.connection() as connection:
            await write_outbox(connection, rows)
        self._hints.give(Hint.OUTBOX)

    async def unsent(self, shards: Sequence[int], limit: int, apart_from: Collection[int] = ()) -> Sequence[OutboxRow]:
        rows = await self._database.tuples(_UNSENT, (numbers(shards), numbers(apart_from), limit))
        return [_outbox_row(*row) for row in rows]

    async def mark_sent(self, ids: Sequence[int], *leases: Lease) -> None:
        """One statement, hence one transaction; the leases stay locked until it ends."""
        fences = columns((lease.key, lease.holder, lease.fence) for lease in leases)
        held = {key for (key,) in await self._database.tuples(_MARK, (*fences, numbers(ids), len(leases)))}
        for lease in leases:
            if lease.key not in held:
                raise FenceLost(lease.key, lease.fence)

    async def publish(self, rows: Sequence[OutboxRow], partitions: Mapping[str, int], lease: Lease) -> None:
        """One statement, hence one transaction."""
        chosen = [partition_of(row.key, row.spread, partitions[row.topic]) for row in rows]
        self._steps.reach(points.PUBLISH_WRITTEN)
        await _under(self._database, lease, _PUBLISH, numbers(row.id for row in rows), numbers(chosen))
        self._steps.reach(points.PUBLISH_COMMITTED)

    async def block(self, row_id: int, error: str, lease: Lease) -> None:
        async with self._database.transaction() as connection:
            await check_fence(connection, lease)
            await connection.execute(_BLOCK, (error, row_id))

    async def unblock(self, stream: str, said: Sequence[NewOutboxRow] = ()) -> int:
        async with self._database.transaction() as connection:
            freed = (await connection.execute(_UNBLOCK, (stream,))).rowcount
            if freed:
                await write_outbox(connection, said)
        self._hints.give(Hint.OUTBOX)
        return freed

    async def blocked(self, limit: int = 100, stream: str = "") -> Sequence[tuple[OutboxRow, str]]:
        rows = await self._database.tuples(_BLOCKED, (stream, stream, limit))
        return [(_outbox_row(*row), error) for *row, error in rows]

    async def backlog(self, limit: int = 100_000) -> Backlog:
        (backlog,) = await self._database.rows(Backlog, _BACKLOG, (limit,))
        return backlog


class PostgresLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, places: Sequence[Place], limit: int) -> Sequence[LogRow]:
        if not places:
            return []
        topics, partitions, positions = _columns(places)
        values = {"topics": topics, "partitions": partitions, "positions": positions, "limit": limit}
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_READ, values, binary=True)).fetchall()
        return [_log_row(*row) for row in rows]

    async def positions(self, group: str) -> Sequence[Place]:
        return await self._database.rows(Place, _POSITIONS, (group,))

    async def ends(self, topics: Sequence[str]) -> Sequence[Place]:
        return await self._database.rows(Place, _ENDS, (list(topics),))

    async def move(self, group: str, places: Sequence[Place], lease: Lease) -> None:
        await _under(self._database, lease, _MOVE, group, *_columns(places))


async def _under(database: Database, lease: Lease, statement: LiteralString, *values: object) -> None:
    """A statement that looks itself whether the lease is held, and says so with a row. Raises FenceLost."""
    if await database.value(statement, (lease.key, lease.holder, lease.fence, *values)) is None:
        raise FenceLost(lease.key, lease.fence)


def _columns(places: Sequence[Place]) -> list[Any]:
    if not places:
        return [[], [], []]
    return columns((place.topic, place.partition, place.position) for place in places)


def _sent(row: NewOutboxRow) -> tuple[object, ...]:
    return (row.topic, row.key, row.spread, pack_headers(row.headers), row.value)


def _outbox_row(*row: Any) -> OutboxRow:
    row_id, stream, topic, key, spread, headers, value = row
    return OutboxRow(row_id, stream, topic, key, spread, unpack_headers(headers), value)


def _log_row(*row: Any) -> LogRow:
    topic, partition, position, key, headers, value = row
    return LogRow(topic, partition, position, key, unpack_headers(headers), value)
