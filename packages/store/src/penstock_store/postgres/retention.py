"""Retention on PostgreSQL: rows that nobody needs any more, in small transactions, the oldest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from penstock_contracts.flow import DLQ_TOPIC, EVENTS_TOPIC, topics_heard_by
from penstock_store.errors import NotYetApplied, StillOpen
from penstock_store.postgres.database import Connection, Database
from penstock_store.rows import Forgotten, Waste

# Ids and pages tell the age of what is only appended, so no index on a time is needed where rows change often.
_SWEEP: dict[Waste, LiteralString] = {
    Waste.SENT: """
delete from workflow.outbox_messages where id in (
  select id from workflow.outbox_messages where sent_at < %s order by id limit %s)
""",
    Waste.RECEIVED: """
delete from workflow.inbox_messages where ctid in (
  select ctid from workflow.inbox_messages where received_at < %s and outcome = 'applied' limit %s)
""",
    Waste.DELIVERIES: """
delete from workflow.deliveries where ctid in (select ctid from workflow.deliveries where first_at < %s limit %s)
""",
    Waste.LETTERS: """
delete from workflow.dead_letters where id in (
  select id from workflow.dead_letters where resolved_at < %s order by resolved_at limit %s)
""",
    Waste.BLOBS: """
delete from workflow.blobs where id in (
  select id from workflow.blobs where last_used < %s order by last_used limit %s for update skip locked)
""",
    Waste.LEASES: """
delete from workflow.leases where key in (
  select key from workflow.leases where expires_at < %s order by key limit %s for update skip locked)
""",
}
# A group that has a position in any partition of a topic has read nothing where it has none.
_SWEEP_LOG = """
with hearing as materialized (
  select distinct consumer_group from workflow.log_positions where topic = %s
)
delete from workflow.log where ctid in (
  select l.ctid from workflow.log as l
  where l.topic = %s and l.appended_at < %s
  and (%s or exists (select 1 from hearing))
  and not exists (
    select 1 from hearing as h left join workflow.log_positions as p
    on p.consumer_group = h.consumer_group and p.topic = l.topic and p.partition = l.partition
    where coalesce(p.position, 0) <= l.position)
  limit %s)
"""
_FOR_ANYONE = frozenset({EVENTS_TOPIC, DLQ_TOPIC})
"""Nobody has to hear these: where no group does, their records go by age alone. What is on others waits for a group."""
# Whoever applies locks the stream's row first; a locked one is in use.
_IDLE = """
select stream from workflow.streams as s
where updated_at < %s
  and not exists (select 1 from workflow.timers as t where t.stream = s.stream)
  and not exists (select 1 from workflow.dead_letters as d where d.stream = s.stream and d.resolved_at is null)
  and not exists (
    select 1 from workflow.workflow_jobs as j where j.stream = s.stream
    and j.status in ('PENDING', 'PROCESSING', 'WAITING_FOR_EVENT'))
  and not exists (
    select 1 from workflow.outbox_messages as o where o.sent_at is null and o.stream = s.stream)
order by updated_at limit %s for update skip locked
"""
_OF_STREAMS: tuple[LiteralString, ...] = (
    """
delete from workflow.job_execution_history where run_id in (
  select id from workflow.workflow_jobs where stream = any(%s::text[]) and parent_id is null)
""",
    "delete from workflow.workflow_jobs where stream = any(%s::text[])",
    "delete from workflow.facts where stream = any(%s::text[])",
    "delete from workflow.timers where stream = any(%s::text[])",
    "delete from workflow.effects where stream = any(%s::text[])",
    "delete from workflow.dead_letters where stream = any(%s::text[])",
    "delete from workflow.model_spending where stream = any(%s::text[])",
)
_STREAMS = "delete from workflow.streams where stream = any(%s::text[])"

_LOCKED = "select stream from workflow.streams where stream = any(%s::text[]) order by stream for update"
_OPEN = """
select distinct stream from workflow.workflow_jobs
where stream = any(%s::text[]) and status in ('PENDING', 'PROCESSING', 'WAITING_FOR_EVENT') order by stream
"""
_APPLIED_FROM = [topic.name for topic in topics_heard_by("orchestrator")]
# Of what is in the log: nobody has read it yet, and it may be all that is left of a webhook that was accepted.
_UNREAD: LiteralString = """
l.topic = any(%(topics)s::text[]) and not exists (
  select 1 from workflow.log_positions as p
  where p.topic = l.topic and p.partition = l.partition and p.position > l.position)
"""
_UNAPPLIED: LiteralString = f"""
select stream from workflow.outbox_messages where stream = any(%(streams)s::text[]) and sent_at is null
union
select s.stream from workflow.log as l join unnest(%(streams)s::text[]) as s(stream)
  on position(convert_to(s.stream, 'UTF8') in l.headers) > 0
where {_UNREAD} order by stream
"""
# What a repository alone refers to, in its facts or in a blob that it refers to.
_BLOBS = """
with recursive ours(id) as (
  select m.id[1] from workflow.facts as f, regexp_matches(encode(f.value, 'escape'), '[0-9a-f]{64}', 'g') as m(id)
  where f.stream = any(%(streams)s::text[])
  union
  select m.id[1] from ours join workflow.blobs as b on b.id = ours.id,
    regexp_matches(encode(b.data, 'escape'), '[0-9a-f]{64}', 'g') as m(id)
), theirs(id) as (
  select m.id[1] from workflow.facts as f, regexp_matches(encode(f.value, 'escape'), '[0-9a-f]{64}', 'g') as m(id)
  where f.stream <> all(%(streams)s::text[])
  union
  select m.id[1] from theirs join workflow.blobs as b on b.id = theirs.id,
    regexp_matches(encode(b.data, 'escape'), '[0-9a-f]{64}', 'g') as m(id)
)
delete from workflow.blobs where id in (select id from ours except select id from theirs)
"""
# What is accepted meanwhile stays: only then it is asked whether anything of them is left that nobody applied.
_MESSAGES: tuple[LiteralString, ...] = (
    "delete from workflow.outbox_messages where stream = any(%(streams)s::text[]) and sent_at is not null",
    f"""
delete from workflow.log as l using unnest(%(streams)s::text[]) as s(stream)
where position(convert_to(s.stream, 'UTF8') in l.headers) > 0 and not ({_UNREAD})
""",
    """
delete from workflow.dead_letters as d using unnest(%(streams)s::text[]) as s(stream)
where position(convert_to(s.stream, 'UTF8') in d.headers) > 0
""",
    """
delete from workflow.leases as l using unnest(%(streams)s::text[]) as s(stream) where position(s.stream in l.key) > 0
""",
    """
delete from workflow.cache_entries where repository in (
  select repository from workflow.workflow_jobs where stream = any(%(streams)s::text[]) and repository <> '')
""",
)
_OF_REPOSITORY = """
select distinct s.stream from workflow.workflow_jobs as j join workflow.streams as s
  on starts_with(s.stream, regexp_replace(j.stream, '[^:]*$', ''))
where j.repository = %s and j.parent_id is null order by s.stream
"""


class PostgresRetention:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep(self, waste: Waste, before: datetime, limit: int) -> int:
        return await self._database.execute(_SWEEP[waste], (before, limit))

    async def sweep_log(self, topic: str, before: datetime, limit: int) -> int:
        return await self._database.execute(_SWEEP_LOG, (topic, topic, before, topic in _FOR_ANYONE, limit))

    async def sweep_streams(self, before: datetime, limit: int) -> int:
        async with self._database.transaction() as connection:
            found = await (await connection.execute(_IDLE, (before, limit))).fetchall()
            streams = [stream for (stream,) in found]
            if streams:
                await _drop(connection, streams)
        return len(streams)

    async def streams_of(self, repository: str) -> Sequence[str]:
        return [stream for (stream,) in await self._database.tuples(_OF_REPOSITORY, (repository,))]

    async def forget(self, streams: Sequence[str]) -> Forgotten:
        async with self._database.transaction() as connection:
            await connection.execute(_LOCKED, (list(streams),))
            busy = await (await connection.execute(_OPEN, (list(streams),))).fetchall()
            if busy:
                raise StillOpen(tuple(stream for (stream,) in busy))
            given = {"streams": list(streams), "topics": _APPLIED_FROM}
            messages = 0
            for statement in _MESSAGES:
                messages += (await connection.execute(statement, given)).rowcount
            accepted = await (await connection.execute(_UNAPPLIED, given)).fetchall()
            if accepted:
                raise NotYetApplied(tuple(stream for (stream,) in accepted))
            blobs = (await connection.execute(_BLOBS, given)).rowcount
            rows = await _drop(connection, streams)
        return Forgotten(streams=len(streams), rows=rows, blobs=blobs, messages=messages)


async def _drop(connection: Connection, streams: Sequence[str]) -> int:
    """Everything that belongs to streams whose rows are locked."""
    rows = 0
    for statement in (*_OF_STREAMS, _STREAMS):
        rows += (await connection.execute(statement, (list(streams),))).rowcount
    return rows
