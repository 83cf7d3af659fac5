"""Timers, executions and jobs on PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from penstock_contracts.enums import ErrorClassification, ExecutionState, JobStatus, Stage, WorkflowType
from penstock_store.postgres.database import Database
from penstock_store.rows import ExecutionRow, JobFilter, JobRow, OpenJobs, Pending, TimerRow, UnderWay

_DUE = """
select id, stream, due, kind, run_id, stage, part, attempt, generation from workflow.timers
where due <= clock_timestamp() order by due, id limit %s
"""
_NEXT_DUE = "select due from workflow.timers order by due limit 1"
_STILL_WANTED = """
select state = 'asked' from workflow.job_execution_history
where run_id = %s and stage = %s and part = %s and attempt = %s
"""
_JOB = """
select id, parent_id, stream, type, status, outcome, reason, error_class, head, base, epoch, stage, waiting_for,
  waiting_since, waiting_until, correlation_id, created_at, finished_at, subject
from workflow.workflow_jobs
"""
_BY_ID = _JOB + "where id = %s"
_CHILDREN = _JOB + "where parent_id = %s order by created_at, id"
_AFTER: LiteralString = "(created_at, id) < (select created_at, id from workflow.workflow_jobs where id = %s)"
_COUNTS = "select type, status, count(*) from workflow.workflow_jobs group by type, status"
_OPEN = """
select type, status, count(*), clock_timestamp() - min(created_at) from workflow.workflow_jobs
where status in ('PENDING', 'PROCESSING', 'WAITING_FOR_EVENT') group by type, status order by type, status
"""
_STUCK = (
    _JOB
    + """
as job where parent_id is null and id > %s and status in ('PENDING', 'PROCESSING', 'WAITING_FOR_EVENT')
  and waiting_until is not null and (
    waiting_until < clock_timestamp() - %s::interval
    or not exists (select 1 from workflow.timers where timers.stream = job.stream and timers.run_id = job.id)
  )
order by id limit %s
"""
)
_HISTORY = """
select run_id, stage, part, attempt, state, outcome, error_class, error, reason, asked_at, answered_at, not_after,
  started_at, duration
from workflow.job_execution_history where run_id = %s order by asked_at nulls last, stage, part, attempt
"""
_PENDING = """
select j.organisation, j.repository,
  t.id, t.stream, t.due, t.kind, t.run_id, t.stage, t.part, t.attempt, t.generation
from (
  select *, row_number() over (partition by repository order by created_at, id) as place
  from workflow.workflow_jobs where status = 'PENDING' and parent_id is null
) as j join workflow.timers as t on t.stream = j.stream and t.run_id = j.id
where j.place <= %s order by j.created_at, j.id, t.due, t.id
"""
_UNDER_WAY = """
select organisation, repository, waiting_for, count(*) as runs from workflow.workflow_jobs
where status in ('PROCESSING', 'WAITING_FOR_EVENT') and parent_id is null
group by organisation, repository, waiting_for order by organisation, repository, waiting_for
"""
_SUBJECT = "select subject from workflow.streams where stream = %s"


class PostgresTimers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, limit: int) -> Sequence[TimerRow]:
        return await self._database.rows(TimerRow, _DUE, (limit,))

    async def next_due(self) -> datetime | None:
        due: datetime | None = await self._database.value(_NEXT_DUE)
        return due


class PostgresExecutions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def still_wanted(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        return bool(await self._database.value(_STILL_WANTED, (run_id, stage.value, part, attempt)))


class PostgresJobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def job(self, job_id: str) -> JobRow | None:
        rows = await self._database.tuples(_BY_ID, (job_id,))
        return _job(*rows[0]) if rows else None

    async def jobs(self, wanted: JobFilter) -> Sequence[JobRow]:
        given: dict[LiteralString, Any] = {
            "status = %s": wanted.status,
            "type = %s": wanted.type,
            "stream = %s": wanted.stream,
            "subject = %s": wanted.subject,
            "repository = %s": wanted.repository,
            "organisation = %s": wanted.organisation,
            "stage = %s": wanted.stage,
            "strpos(waiting_for, %s) > 0": wanted.waiting_for,
            "correlation_id = %s": wanted.correlation_id,
            "created_at >= %s": wanted.since,
            "created_at < %s": wanted.until,
            _AFTER: wanted.after,
        }
        conditions: list[LiteralString] = [condition for condition, value in given.items() if value]
        where: LiteralString = "where " + " and ".join(conditions) if conditions else ""
        values = [value for value in given.values() if value]
        rows = await self._database.tuples(
            _JOB + where + " order by created_at desc, id desc limit %s", (*values, wanted.limit)
        )
        return [_job(*row) for row in rows]

    async def counts(self) -> Mapping[tuple[str, str], int]:
        return {(type_, status): count for type_, status, count in await self._database.tuples(_COUNTS)}

    async def open(self) -> Sequence[OpenJobs]:
        found = await self._database.tuples(_OPEN)
        return [OpenJobs(WorkflowType(type_), JobStatus(status), jobs, age) for type_, status, jobs, age in found]

    async def stuck(self, grace: timedelta, limit: int = 100, after: str = "") -> Sequence[JobRow]:
        return [_job(*row) for row in await self._database.tuples(_STUCK, (after, grace, limit))]

    async def children(self, job_id: str) -> Sequence[JobRow]:
        return [_job(*row) for row in await self._database.tuples(_CHILDREN, (job_id,))]

    async def history(self, run_id: str) -> Sequence[ExecutionRow]:
        return [_execution(*row) for row in await self._database.tuples(_HISTORY, (run_id,))]

    async def subject(self, stream: str) -> str:
        return await self._database.value(_SUBJECT, (stream,)) or ""

    async def pending(self, limit: int) -> Sequence[Pending]:
        rows = await self._database.tuples(_PENDING, (limit,))
        return [Pending(TimerRow(*timer), organisation, repository) for organisation, repository, *timer in rows]

    async def under_way(self) -> Sequence[UnderWay]:
        return await self._database.rows(UnderWay, _UNDER_WAY)


def _job(*row: Any) -> JobRow:
    id_, parent_id, stream, type_, status, outcome, reason, error_class, *rest = row
    error_class = ErrorClassification(error_class) if error_class else None
    return JobRow(id_, parent_id, stream, WorkflowType(type_), JobStatus(status), outcome, reason, error_class, *rest)


def _execution(*row: Any) -> ExecutionRow:
    run_id, stage, part, attempt, state, outcome, error_class, *rest = row
    error_class = ErrorClassification(error_class) if error_class else None
    return ExecutionRow(run_id, Stage(stage), part, attempt, ExecutionState(state), outcome, error_class, *rest)
