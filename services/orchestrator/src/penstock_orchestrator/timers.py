"""PURE: the timers a state waits for. Timers are rows, and these are the rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from penstock_contracts.enums import Stage
from penstock_contracts.ids import deterministic_id
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import Part, PartState, Phase, Run, StreamState, TimerKind
from penstock_store.rows import TimerRow


def standing_timers(rules: Rules, state: StreamState) -> Iterator[TimerRow]:
    for run in state.open_runs():
        if run.paused_at is not None:
            yield _run_timer(state, run, TimerKind.PAUSE, run.paused_at + rules.pause_limit)
            yield from (timer for timer in _part_timers(state, run) if timer.stage == Stage.COMMENTS)
        else:
            yield from _running(state, run)


def _running(state: StreamState, run: Run) -> Iterator[TimerRow]:
    if run.phase in (Phase.PREPARING, Phase.REVIEWING):
        yield _run_timer(state, run, TimerKind.RUN, run.due)
    analysis = run.part(Stage.AST)
    if run.phase is Phase.REVIEWING and not run.released and analysis is not None and not analysis.resolved:
        asked = run.analysis_asked_at or analysis.asked_at or run.opened_at
        yield _run_timer(state, run, TimerKind.ANALYSIS_WAIT, asked + timedelta(seconds=run.ast_wait))
    yield from _part_timers(state, run)


def _part_timers(state: StreamState, run: Run) -> Iterator[TimerRow]:
    for part in run.parts.values():
        if part.state is PartState.WAITING and part.due is not None:
            yield _part_timer(state, run, part, TimerKind.ATTEMPT, attempt=part.attempt + 1, due=part.due)
        elif part.state is PartState.OPEN and part.not_after is not None:
            yield _part_timer(state, run, part, TimerKind.DEADLINE, attempt=part.attempt, due=part.not_after)


def _run_timer(state: StreamState, run: Run, kind: TimerKind, due: datetime) -> TimerRow:
    """Its generation is its moment: a run that was resumed waits for another one."""
    generation = int(due.timestamp())
    timer_id = deterministic_id("timer", run.id, kind, str(generation))
    return TimerRow(timer_id, state.stream, due, kind, run.id, "", "", 0, generation)


def _part_timer(state: StreamState, run: Run, part: Part, kind: TimerKind, *, attempt: int, due: datetime) -> TimerRow:
    generation = int(due.timestamp())
    timer_id = deterministic_id("timer", run.id, kind, part.stage, part.part, str(attempt), str(generation))
    return TimerRow(timer_id, state.stream, due, kind, run.id, part.stage, part.part, attempt, generation)
