"""The fifth step of `apply`: Changes into tables, by one statement whatever the number of rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString

import msgspec

from penstock_contracts.routing import shard_of
from penstock_store.changes import Changes, StoredFact
from penstock_store.postgres.database import Connection
from penstock_store.postgres.headers import pack_headers
from penstock_store.rows import DeadLetterRow, JobRow, NewOutboxRow, StreamRow
from penstock_store.subjects import organisation_of, repository_of

# Each part takes its rows as one JSON array; bytes travel in it as base64. The parts of a transaction are joined into
# one statement: a statement costs the client far more than its rows cost the server (measured with bench/apply.py).
# What is there already is found through an index, by a conflict or an array, and never by a join: the plan of a
# prepared statement is made once, while the tables are small, and a join would read them whole ever after.
_STREAMS = """
streams_ as (
  insert into workflow.streams as s (stream, subject, state, encoding, base, fold_version, sequence)
  select stream, subject, decode(state, 'base64'), encoding,
    coalesce(decode(base, 'base64'), (select kept.base from workflow.streams as kept where kept.stream = n.stream)),
    fold_version, sequence
  from json_to_recordset(%s::json)
    as n(stream text, subject text, state text, encoding text, fold_version int, sequence bigint, base text)
  on conflict (stream) do update set subject = excluded.subject, state = excluded.state, encoding = excluded.encoding,
    base = excluded.base, fold_version = excluded.fold_version, sequence = excluded.sequence,
    updated_at = clock_timestamp()
)"""
_FACTS = """
facts_ as (
  insert into workflow.facts (stream, sequence, event_id, type, run_id, causation_id, correlation_id, actor,
    occurred_at, headers, value)
  select stream, sequence, event_id, type, run_id, causation_id, correlation_id, actor,
    time, decode(headers, 'base64'), decode(value, 'base64')
  from json_to_recordset(%s::json) as n(stream text, sequence bigint, event_id text, type text, run_id text,
    causation_id text, correlation_id text, actor text, time timestamptz, headers text, value text)
)"""
_JOBS = """
jobs_ as (
  insert into workflow.workflow_jobs (id, parent_id, stream, type, status, outcome, reason, error_class, head, base,
    epoch, stage, waiting_for, waiting_since, waiting_until, correlation_id, created_at, finished_at, subject,
    repository, organisation)
  select id, parent_id, stream, type, status, outcome, reason, error_class, head, base,
    epoch, stage, waiting_for, waiting_since, waiting_until, correlation_id, created_at, finished_at, subject,
    repository, organisation
  from json_populate_recordset(null::workflow.workflow_jobs, %s::json)
  on conflict (id) do update set parent_id = excluded.parent_id, stream = excluded.stream, type = excluded.type,
    status = excluded.status, outcome = excluded.outcome, reason = excluded.reason,
    error_class = excluded.error_class, head = excluded.head, base = excluded.base, epoch = excluded.epoch,
    stage = excluded.stage, waiting_for = excluded.waiting_for, waiting_since = excluded.waiting_since,
    waiting_until = excluded.waiting_until, correlation_id = excluded.correlation_id,
    created_at = excluded.created_at, finished_at = excluded.finished_at, subject = excluded.subject,
    repository = excluded.repository, organisation = excluded.organisation, updated_at = clock_timestamp()
)"""
_EXECUTIONS = """
executions_ as (
  insert into workflow.job_execution_history (run_id, stage, part, attempt, state, outcome, error_class, error, reason,
    asked_at, answered_at, not_after, started_at, duration)
  select run_id, stage, part, attempt, state, outcome, error_class, error, reason,
    asked_at, answered_at, not_after, started_at, duration
  from json_populate_recordset(null::workflow.job_execution_history, %s::json)
  on conflict (run_id, stage, part, attempt) do update set state = excluded.state, outcome = excluded.outcome,
    error_class = excluded.error_class, error = excluded.error, reason = excluded.reason,
    asked_at = excluded.asked_at, answered_at = excluded.answered_at, not_after = excluded.not_after,
    started_at = excluded.started_at, duration = excluded.duration, updated_at = clock_timestamp()
)"""
_TIMERS_GONE = """
timers_gone_ as (delete from workflow.timers where id = any(array(select json_array_elements_text(%s::json))))"""
_TIMERS = """
timers_ as (
  insert into workflow.timers (id, stream, due, kind, run_id, stage, part, attempt, generation)
  select id, stream, due, kind, run_id, stage, part, attempt, generation
  from json_populate_recordset(null::workflow.timers, %s::json)
  on conflict (id) do update set stream = excluded.stream, due = excluded.due, kind = excluded.kind,
    run_id = excluded.run_id, stage = excluded.stage, part = excluded.part, attempt = excluded.attempt,
    generation = excluded.generation
)"""
_OUTBOX = """
outbox_ as (
  insert into workflow.outbox_messages (stream, shard, topic, key, spread, headers, value)
  select stream, shard, topic, key, spread, decode(headers, 'base64'), decode(value, 'base64')
  from json_to_recordset(%s::json)
    as n(stream text, shard int, topic text, key text, spread bigint, headers text, value text)
)"""
_TIMERS_RESET = "delete from workflow.timers where stream = any(%s::text[])"
_LETTERS = """
insert into workflow.dead_letters (id, consumer, topic, partition, position, key, headers, value, stream, run_id,
  event_id, event_type, reason, error, remedy, created_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s::timestamptz, clock_timestamp()))
on conflict (id) do update set error = excluded.error, remedy = excluded.remedy, created_at = excluded.created_at,
  resolved_at = null, resolution = ''
where excluded.reason = 'stalled' and dead_letters.resolved_at is not null
"""

_json = msgspec.json.Encoder()


async def write_changes(connection: Connection, changes: Changes) -> None:
    """In a pipeline: nothing is waited for."""
    if changes.timers_reset:
        await connection.execute(_TIMERS_RESET, (sorted(changes.timers_reset),))
    await _write(connection, _parts(changes))
    for letter in changes.letters:
        await write_letter(connection, letter)


async def write_outbox(connection: Connection, rows: Sequence[NewOutboxRow]) -> None:
    await _write(connection, {_OUTBOX: [_outbox(row) for row in rows]})


async def _write(connection: Connection, parts: Mapping[LiteralString, Sequence[object]]) -> None:
    used = {part: rows for part, rows in parts.items() if rows}
    if used:
        statement: LiteralString = "with" + ",".join(used) + " select 1"
        await connection.execute(statement, [as_json(rows) for rows in used.values()])


def _parts(changes: Changes) -> dict[LiteralString, Sequence[object]]:
    return {
        _STREAMS: [_stream(row, kept=row.stream in changes.bases_kept) for row in changes.states.values()],
        _FACTS: [_fact(fact) for fact in changes.facts],
        _JOBS: [_job(job, changes.states[job.stream].subject) for job in changes.jobs.values()],
        _EXECUTIONS: list(changes.executions.values()),
        _TIMERS_GONE: sorted(changes.timers_gone),
        _TIMERS: list(changes.timers.values()),
        _OUTBOX: [_outbox(row) for row in changes.outbox],
    }


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


def _stream(row: StreamRow, *, kept: bool) -> dict[str, Any]:
    """A base that is kept is not sent, and PostgreSQL does not write again what lies beside the row."""
    return {
        "stream": row.stream,
        "subject": row.subject,
        "state": row.state,
        "encoding": row.encoding,
        "fold_version": row.fold_version,
        "sequence": row.sequence,
        "base": None if kept else row.base,
    }


def _job(job: JobRow, subject: str) -> dict[str, Any]:
    named = {"subject": subject, "repository": repository_of(subject), "organisation": organisation_of(subject)}
    row: dict[str, Any] = msgspec.to_builtins(job)
    return row | named


def _fact(fact: StoredFact) -> dict[str, Any]:
    return {
        "stream": fact.stream,
        "sequence": fact.sequence,
        "event_id": fact.event_id,
        "type": fact.type,
        "run_id": fact.run_id,
        "causation_id": fact.causation_id,
        "correlation_id": fact.correlation_id,
        "actor": fact.actor,
        "time": fact.time,
        "headers": pack_headers(fact.headers),
        "value": fact.value,
    }


def _outbox(row: NewOutboxRow) -> dict[str, Any]:
    return {
        "stream": row.stream,
        "shard": shard_of(row.stream),
        "topic": row.topic,
        "key": row.key,
        "spread": row.spread,
        "headers": pack_headers(row.headers),
        "value": row.value,
    }


def columns(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Rows turned into the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def numbers(values: Iterable[int]) -> str:
    """An array as PostgreSQL spells it: psycopg looks at each element of a list, which costs ten times as much."""
    return f"{{{','.join(map(str, values))}}}"
