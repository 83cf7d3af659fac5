"""PURE: the rows that follow from a state. Status is a function of the state; here is its table."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.enums import ExecutionState, JobStatus, RunOutcome, Stage, WorkflowType
from penstock_contracts.flow import STAGES
from penstock_contracts.ids import deterministic_id
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import HEAVY, Part, PartState, Phase, Run, StreamState, TimerKind
from penstock_orchestrator.timers import Moment, Timer, moments_of, timers_of
from penstock_store.rows import ExecutionRow, JobRow, Projection, TimerRow

ITS_TURN = "its turn"
RESUMING = "workflow.control resume"
REDRIVE = "redrive of"

_STATUS_OF_PHASE = {
    Phase.PREPARING: JobStatus.PROCESSING,
    Phase.REVIEWING: JobStatus.WAITING_FOR_EVENT,
    Phase.PUBLISHING: JobStatus.PROCESSING,
    Phase.CLOSING: JobStatus.PROCESSING,
}
_UNTIL_ITS_DEADLINE = (Phase.PREPARING, Phase.REVIEWING)
"""What there is to say may be said later than the run's deadline: only that of the part counts then."""
_STATUS_OF_OUTCOME = {
    RunOutcome.REVIEWED: JobStatus.COMPLETED,
    RunOutcome.PARTIAL: JobStatus.COMPLETED,
    RunOutcome.SKIPPED: JobStatus.COMPLETED,
    RunOutcome.SUPERSEDED: JobStatus.CANCELLED,
    RunOutcome.CANCELLED: JobStatus.CANCELLED,
    RunOutcome.FAILED: JobStatus.FAILED,
}
_STATUS_OF_PART = {
    PartState.OPEN: JobStatus.PROCESSING,
    PartState.WAITING: JobStatus.WAITING_FOR_EVENT,
    PartState.DONE: JobStatus.COMPLETED,
    PartState.SKIPPED: JobStatus.COMPLETED,
    PartState.GIVEN_UP: JobStatus.FAILED,
    PartState.WITHDRAWN: JobStatus.CANCELLED,
}
_EXECUTION_OF_PART = {
    PartState.OPEN: ExecutionState.ASKED,
    PartState.WAITING: ExecutionState.ANSWERED,
    PartState.DONE: ExecutionState.ANSWERED,
    PartState.GIVEN_UP: ExecutionState.GIVEN_UP,
    PartState.WITHDRAWN: ExecutionState.WITHDRAWN,
    PartState.SKIPPED: ExecutionState.SKIPPED,
}
# A stage of several parts is as far as the least finished of them.
_LEAST_FINISHED = (PartState.OPEN, PartState.WAITING, PartState.WITHDRAWN, PartState.GIVEN_UP, PartState.DONE)


@dataclass(frozen=True, slots=True)
class _Look:
    """What of a run is to be projected: all of it, or what is not the same object in another state of it."""

    run: Run
    parts: Sequence[Part]
    stages: Collection[Stage]
    moments: Collection[Moment]


def project(rules: Rules, state: StreamState, other: StreamState | None = None) -> Projection:
    """With another state, the one before or after: rows that cannot differ between the two are left out of both."""
    looks = list(_looks(rules, state, other))
    return Projection(
        jobs=tuple(job for look in looks for job in _jobs(rules, state, look)),
        executions=tuple(row for look in looks for row in _executions(look)),
        timers=tuple(
            _timer_row(state.stream, timer)
            for look in looks
            if not look.run.finished
            for timer in timers_of(rules, look.run, look.parts, look.moments)
        ),
    )


def _looks(rules: Rules, state: StreamState, other: StreamState | None) -> Iterator[_Look]:
    for run in state.runs.values():
        beside = other.runs.get(run.id) if other else None
        if other is None or beside is None or other.stalled != state.stalled or _frame(run) != _frame(beside):
            yield _Look(run, tuple(run.parts.values()), HEAVY, moments_of(rules, run))
        elif beside is not run:
            parts, known = _apart(run, beside), moments_of(rules, beside)
            moments = [moment for moment in moments_of(rules, run) if moment not in known]
            yield _Look(run, parts, {part.stage for part in (*parts, *_apart(beside, run))}, moments)


def _frame(run: Run) -> tuple[object, ...]:
    """What of a run is in the rows of all its parts, and decides which of their timers stand."""
    return run.head, run.base, run.epoch, run.paused_at, run.finished_at


def _apart(run: Run, beside: Run) -> Sequence[Part]:
    return [part for key, part in run.parts.items() if beside.parts.get(key) is not part]


def status_of(run: Run) -> JobStatus:
    if run.finished and run.outcome is not None:
        return _STATUS_OF_OUTCOME[run.outcome]
    if run.paused_at is not None:
        return JobStatus.WAITING_FOR_EVENT
    if not run.parts or run.unread:
        return JobStatus.PENDING
    return _STATUS_OF_PHASE[run.phase]


def _jobs(rules: Rules, state: StreamState, look: _Look) -> Iterator[JobRow]:
    run = look.run
    waiting_for, until = _waiting(rules, state, run)
    stages = [part for part in run.parts.values() if not part.resolved]
    yield JobRow(
        id=run.id,
        parent_id=None,
        stream=state.stream,
        type=WorkflowType.CODE_REVIEW,
        status=status_of(run),
        outcome=str(run.outcome or ""),
        reason=run.reason,
        error_class=run.error_class,
        head=run.head,
        base=run.base,
        epoch=run.epoch,
        stage=str(stages[0].stage) if stages else "",
        waiting_for=waiting_for,
        waiting_since=_since(run) if waiting_for else None,
        waiting_until=until,
        correlation_id=run.correlation_id,
        created_at=run.opened_at,
        finished_at=run.finished_at,
    )
    for stage in HEAVY:
        if stage not in look.stages:
            continue
        parts = [part for part in run.of_stage(stage) if part.asked_at is not None]
        if parts:
            yield _child(state, run, stage, parts)


def _child(state: StreamState, run: Run, stage: Stage, parts: list[Part]) -> JobRow:
    standing = min((part.state for part in parts), key=_LEAST_FINISHED.index)
    open_parts = [part for part in parts if not part.resolved]
    ends = [run.finished_at if part.state is PartState.WITHDRAWN else part.answered_at for part in parts]
    due = [part.not_after for part in open_parts if part.not_after is not None]
    worst = next((part for part in parts if part.error_class is not None), parts[0])
    asked = [part.asked_at for part in parts if part.asked_at is not None]
    workflow_type = STAGES[stage].workflow_type or WorkflowType.CODE_REVIEW
    return JobRow(
        id=deterministic_id("job", run.id, stage),
        parent_id=run.id,
        stream=state.stream,
        type=workflow_type,
        status=_STATUS_OF_PART[standing],
        outcome="" if open_parts else worst.outcome,
        reason=worst.reason or worst.error,
        error_class=worst.error_class,
        head=run.head,
        base=run.base,
        epoch=run.epoch,
        stage=str(stage),
        waiting_for=STAGES[stage].answer.TYPE if open_parts else "",
        waiting_since=min(asked) if open_parts else None,
        waiting_until=max(due, default=None),
        correlation_id=run.correlation_id,
        created_at=min(asked),
        finished_at=None if open_parts or None in ends else max(moment for moment in ends if moment is not None),
    )


def _waiting(rules: Rules, state: StreamState, run: Run) -> tuple[str, datetime | None]:
    """Which events the run waits for, and until when."""
    if run.finished:
        return "", None
    if state.stalled:
        # Which of both, each stall tells with its command: what nobody can read is only ever put aside.
        return f"{REDRIVE} {', '.join(state.stalled)}, or discard", _end(rules, state, run)
    if run.paused_at is not None:
        return RESUMING, None
    if run.unread:
        return ITS_TURN, run.due
    waited: dict[str, int] = {}
    until: list[datetime] = []
    for part in run.parts.values():
        if not part.resolved:
            name = STAGES[part.stage].answer.TYPE
            waited[name] = waited.get(name, 0) + 1
            until += [moment for moment in (part.due, part.not_after) if moment is not None]
    named = (name if count == 1 else f"{name} x{count}" for name, count in waited.items())
    if run.phase in _UNTIL_ITS_DEADLINE:
        until = [min(max(until, default=run.due), run.due)]
    return ", ".join(named), max(until, default=run.due)


def _end(rules: Rules, state: StreamState, run: Run) -> datetime | None:
    """When it goes on by itself at the latest, if nobody redrives what is stalled. None where its last timers are what
    stalled: then only a person can wake it."""
    standing = [timer for timer in timers_of(rules, run) if timer.id not in state.stalled]
    of_run = [timer.due for timer in standing if timer.kind is TimerKind.RUN]
    return max(of_run or [timer.due for timer in standing], default=None)


def _since(run: Run) -> datetime:
    asked = [part.asked_at for part in run.parts.values() if not part.resolved and part.asked_at is not None]
    return run.paused_at or min(asked, default=run.opened_at)


def _executions(look: _Look) -> Iterator[ExecutionRow]:
    run = look.run
    for part in look.parts:
        if part.withdrawn_attempt and part.withdrawn_attempt != part.completed_by:
            yield _row(run, part, part.withdrawn_attempt, ExecutionState.WITHDRAWN)
        state = _EXECUTION_OF_PART[part.state]
        if part.state is PartState.WAITING and part.asked_at is None:
            continue
        if part.state is PartState.DONE and part.completed_by != part.attempt:
            yield _row(run, part, part.attempt, ExecutionState.WITHDRAWN)
            yield _row(run, part, part.completed_by, ExecutionState.ANSWERED)
        else:
            yield _row(run, part, part.attempt, state)


def _row(run: Run, part: Part, attempt: int, state: ExecutionState) -> ExecutionRow:
    answered = state is ExecutionState.ANSWERED
    return ExecutionRow(
        run_id=run.id,
        stage=part.stage,
        part=part.part,
        attempt=attempt,
        state=state,
        outcome=part.outcome if answered or state is ExecutionState.SKIPPED else "",
        error_class=part.error_class,
        error=part.error,
        reason=part.reason,
        asked_at=part.asked_at,
        answered_at=part.answered_at,
        not_after=part.not_after,
        started_at=part.started_at if answered else None,
        duration=part.duration if answered else 0.0,
    )


def _timer_row(stream: str, timer: Timer) -> TimerRow:
    return TimerRow(
        id=timer.id,
        stream=stream,
        due=timer.due,
        kind=timer.kind,
        run_id=timer.run_id,
        stage=timer.stage,
        part=timer.part,
        attempt=timer.attempt,
        generation=int(timer.due.timestamp()),
    )
