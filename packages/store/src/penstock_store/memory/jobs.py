"""Timers, executions and jobs in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from penstock_contracts.enums import ExecutionState, JobStatus, Stage, WorkflowType
from penstock_store.memory.tables import Tables
from penstock_store.rows import OPEN_STATUSES, ExecutionRow, JobFilter, JobRow, OpenJobs, Pending, TimerRow, UnderWay
from penstock_store.subjects import organisation_of, repository_of


class MemoryTimers:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def due(self, limit: int) -> Sequence[TimerRow]:
        self._tables.ask()
        now = self._tables.now()
        due = (timer for timer in self._tables.timers.values() if timer.due <= now)
        return sorted(due, key=lambda timer: (timer.due, timer.id))[:limit]

    async def next_due(self) -> datetime | None:
        self._tables.ask()
        return min((timer.due for timer in self._tables.timers.values()), default=None)


class MemoryExecutions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def still_wanted(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        self._tables.ask()
        row = self._tables.executions.get((run_id, stage, part, attempt))
        return row is not None and row.state is ExecutionState.ASKED


_EQUAL = ("status", "type", "stream", "subject", "stage", "correlation_id")


class MemoryJobs:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def job(self, job_id: str) -> JobRow | None:
        self._tables.ask()
        return self._tables.jobs.get(job_id)

    async def jobs(self, wanted: JobFilter) -> Sequence[JobRow]:
        self._tables.ask()
        found = [
            row
            for row in sorted(self._tables.jobs.values(), key=_newest_first, reverse=True)
            if all(getattr(wanted, name) in ("", getattr(row, name)) for name in _EQUAL)
            and wanted.repository in ("", repository_of(row.subject))
            and wanted.organisation in ("", organisation_of(row.subject))
            and wanted.waiting_for in row.waiting_for
            and (wanted.since is None or row.created_at >= wanted.since)
            and (wanted.until is None or row.created_at < wanted.until)
        ]
        if wanted.after:
            last = self._tables.jobs.get(wanted.after)
            found = [row for row in found if last is not None and _newest_first(row) < _newest_first(last)]
        return found[: wanted.limit]

    async def counts(self) -> Mapping[tuple[str, str], int]:
        self._tables.ask()
        return Counter((row.type.value, row.status.value) for row in self._tables.jobs.values())

    async def open(self) -> Sequence[OpenJobs]:
        self._tables.ask()
        now = self._tables.now()
        found: dict[tuple[WorkflowType, JobStatus], list[datetime]] = {}
        for row in self._tables.jobs.values():
            if row.status in OPEN_STATUSES:
                found.setdefault((row.type, row.status), []).append(row.created_at)
        return [OpenJobs(*kind, len(created), now - min(created)) for kind, created in sorted(found.items())]

    async def stuck(self, grace: timedelta, limit: int = 100, after: str = "") -> Sequence[JobRow]:
        self._tables.ask()
        late = self._tables.now() - grace
        timed = {timer.run_id for timer in self._tables.timers.values()}
        found = [
            row
            for row in self._tables.jobs.values()
            if row.parent_id is None
            and row.id > after
            and row.status in OPEN_STATUSES
            and row.waiting_until is not None
            and (row.waiting_until < late or row.id not in timed)
        ]
        return sorted(found, key=lambda row: row.id)[:limit]

    async def children(self, job_id: str) -> Sequence[JobRow]:
        self._tables.ask()
        children = (row for row in self._tables.jobs.values() if row.parent_id == job_id)
        return sorted(children, key=lambda row: (row.created_at, row.id))

    async def history(self, run_id: str) -> Sequence[ExecutionRow]:
        self._tables.ask()
        rows = [row for row in self._tables.executions.values() if row.run_id == run_id]
        return sorted(rows, key=lambda row: (row.asked_at is None, row.asked_at, row.stage, row.part, row.attempt))

    async def subject(self, stream: str) -> str:
        self._tables.ask()
        row = self._tables.streams.get(stream)
        return row.subject if row else ""

    async def pending(self, limit: int) -> Sequence[Pending]:
        self._tables.ask()
        runs = [row for row in self._tables.jobs.values() if row.status is JobStatus.PENDING and row.parent_id is None]
        timers = sorted(self._tables.timers.values(), key=lambda timer: (timer.due, timer.id))
        found: list[Pending] = []
        taken = Counter[str]()
        for row in sorted(runs, key=_newest_first):
            repository = repository_of(row.subject)
            taken[repository] += 1
            if taken[repository] <= limit:
                of_run = (timer for timer in timers if timer.run_id == row.id)
                found += [Pending(timer, organisation_of(row.subject), repository) for timer in of_run]
        return found

    async def under_way(self) -> Sequence[UnderWay]:
        self._tables.ask()
        counted = Counter(
            (organisation_of(row.subject), repository_of(row.subject), row.waiting_for)
            for row in self._tables.jobs.values()
            if row.parent_id is None and row.status in (JobStatus.PROCESSING, JobStatus.WAITING_FOR_EVENT)
        )
        return [UnderWay(*key, runs) for key, runs in sorted(counted.items())]


def _newest_first(row: JobRow) -> tuple[datetime, str]:
    return (row.created_at, row.id)
