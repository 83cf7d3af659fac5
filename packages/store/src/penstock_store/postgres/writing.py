"""The fifth step of `apply`: Changes into tables, one statement per table whatever the number of rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from penstock_contracts.routing import shard_of
from penstock_store.changes import Changes, StoredFact
from penstock_store.postgres.database import Connection
from penstock_store.postgres.headers import pack_headers
from penstock_store.rows import DeadLetterRow, JobRow, NewOutboxRow, StreamRow
from penstock_store.subjects import organisation_of, repository_of

_STREAMS = """
update workflow.streams as s set subject = n.subject, state = n.state, encoding = n.encoding,
  fold_version = n.fold_version, sequence = n.sequence, updated_at = clock_timestamp()
from unnest(%s::text[], %s::text[], %s::bytea[], %s::text[], %s::int[], %s::bigint[])
  as n(stream, subject, state, encoding, fold_version, sequence)
where s.stream = n.stream
"""
_FACTS = """
insert into workflow.facts (stream, sequence, event_id, type, run_id, causation_id, correlation_id, actor,
  occurred_at, headers, value)
select * from unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
  %s::timestamptz[], %s::bytea[], %s::bytea[])
"""
_JOBS = """
insert into workflow.workflow_jobs (id, parent_id, stream, type, status, outcome, reason, error_class, head, base,
  epoch, stage, waiting_for, waiting_since, waiting_until, correlation_id, created_at, finished_at, subject,
  repository, organisation)
select id, parent_id, stream, type, status, outcome, reason, error_class, head, base,
  epoch, stage, waiting_for, waiting_since, waiting_until, correlation_id, created_at, finished_at, subject,
  repository, organisation
from json_populate_recordset(null::workflow.workflow_jobs, %s::json)
on conflict (id) do update set parent_id = excluded.parent_id, stream = excluded.stream, type = excluded.type,
  status = excluded.status, outcome = excluded.outcome, reason = excluded.reason, error_class = excluded.error_class,
  head = excluded.head, base = excluded.base, epoch = excluded.epoch, stage = excluded.stage,
  waiting_for = excluded.waiting_for, waiting_since = excluded.waiting_since, waiting_until = excluded.waiting_until,
  correlation_id = excluded.correlation_id, created_at = excluded.created_at, finished_at = excluded.finished_at,
  subject = excluded.subject, repository = excluded.repository, organisation = excluded.organisation,
  updated_at = clock_timestamp()
"""
_EXECUTIONS = """
insert into workflow.job_execution_history (run_id, stage, part, attempt, state, outcome, error_class, error, reason,
  asked_at, answered_at, not_after, started_at, duration)
select run_id, stage, part, attempt, state, outcome, error_class, error, reason,
  asked_at, answered_at, not_after, started_at, duration
from json_populate_recordset(null::workflow.job_execution_history, %s::json)
on conflict (run_id, stage, part, attempt) do update set state = excluded.state, outcome = excluded.outcome,
  error_class = excluded.error_class, error = excluded.error, reason = excluded.reason, asked_at = excluded.asked_at,
  answered_at = excluded.answered_at, not_after = excluded.not_after, started_at = excluded.started_at,
  duration = excluded.duration, updated_at = clock_timestamp()
"""
_TIMERS_RESET = "delete from workflow.timers where stream = any(%s::text[])"
_TIMERS_GONE = "delete from workflow.timers where id = any(%s::text[])"
_TIMERS = """
insert into workflow.timers (id, stream, due, kind, run_id, stage, part, attempt, generation)
select id, stream, due, kind, run_id, stage, part, attempt, generation
from json_populate_recordset(null::workflow.timers, %s::json)
on conflict (id) do update set stream = excluded.stream, due = excluded.due, kind = excluded.kind,
  run_id = excluded.run_id, stage = excluded.stage, part = excluded.part, attempt = excluded.attempt,
  generation = excluded.generation
"""
_OUTBOX = """
insert into workflow.outbox_messages (stream, shard, topic, key, spread, headers, value)
select * from unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::bytea[], %s::bytea[])
"""
_LETTERS = """
insert into workflow.dead_letters (id, consumer, topic, partition, position, key, headers, value, stream, run_id,
  event_id, event_type, reason, error, remedy, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s::timestamptz, clock_timestamp()))
on conflict (id) do nothing
"""

_json = msgspec.json.Encoder()


async def write_changes(connection: Connection, changes: Changes) -> None:
    """In a pipeline: nothing is waited for. The fixed order of tables keeps two transactions from waiting crosswise."""
    if changes.states:
        await connection.execute(_STREAMS, _stream_columns(changes.states.values()))
    if changes.facts:
        await connection.execute(_FACTS, _fact_columns(changes.facts))
    if changes.jobs:
        jobs = [_job(job, changes.states[job.stream].subject) for job in changes.jobs.values()]
        await connection.execute(_JOBS, (as_json(jobs),))
    if changes.executions:
        await connection.execute(_EXECUTIONS, (as_json(list(changes.executions.values())),))
    await _write_timers(connection, changes)
    await write_outbox(connection, changes.outbox)
    for letter in changes.letters:
        await write_letter(connection, letter)


async def write_outbox(connection: Connection, rows: Sequence[NewOutboxRow]) -> None:
    if rows:
        await connection.execute(_OUTBOX, _outbox_columns(rows))


async def write_letter(connection: Connection, letter: DeadLetterRow) -> int:
    record = letter.record
    values = (
        letter.id, letter.consumer, record.topic, record.partition, record.position, record.key,
        pack_headers(record.headers), record.value, letter.stream, letter.run_id, letter.event_id, letter.event_type,
        letter.reason, letter.error, letter.remedy, letter.created_at,
    )  # fmt: skip
    return (await connection.execute(_LETTERS, values)).rowcount


def as_json(rows: object) -> str:
    """Names of fields are names of columns."""
    return _json.encode(rows).decode()


async def _write_timers(connection: Connection, changes: Changes) -> None:
    if changes.timers_reset:
        await connection.execute(_TIMERS_RESET, (sorted(changes.timers_reset),))
    if changes.timers_gone:
        await connection.execute(_TIMERS_GONE, (sorted(changes.timers_gone),))
    if changes.timers:
        await connection.execute(_TIMERS, (as_json(list(changes.timers.values())),))


def _job(job: JobRow, subject: str) -> dict[str, Any]:
    named = {"subject": subject, "repository": repository_of(subject), "organisation": organisation_of(subject)}
    row: dict[str, Any] = msgspec.to_builtins(job)
    return row | named


def _stream_columns(rows: Iterable[StreamRow]) -> list[Any]:
    return columns((row.stream, row.subject, row.state, row.encoding, row.fold_version, row.sequence) for row in rows)


def _fact_columns(facts: Iterable[StoredFact]) -> list[Any]:
    return columns(
        (
            fact.stream, fact.sequence, fact.event_id, fact.type, fact.run_id, fact.causation_id, fact.correlation_id,
            fact.actor, fact.time, pack_headers(fact.headers), fact.value,
        )
        for fact in facts
    )  # fmt: skip


def _outbox_columns(rows: Iterable[NewOutboxRow]) -> list[Any]:
    return columns(
        (row.stream, shard_of(row.stream), row.topic, row.key, row.spread, pack_headers(row.headers), row.value)
        for row in rows
    )


def columns(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Rows turned into the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]
