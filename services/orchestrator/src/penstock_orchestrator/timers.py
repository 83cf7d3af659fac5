"""PURE: the moments a state waits for. Each stands as long as it is listed here, and acts when it fires then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock_contracts.enums import Stage
from penstock_contracts.ids import deterministic_id
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import Part, PartState, Phase, Run, TimerKind


@dataclass(frozen=True, slots=True)
class Timer:
    """A moment. It is part of the id: what is waited for anew, until another moment, is another timer."""

    id: str
    due: datetime
    kind: TimerKind
    run_id: str
    stage: str = ""
    part: str = ""
    attempt: int = 0


Moment = tuple[TimerKind, datetime]


def moments_of(rules: Rules, run: Run) -> tuple[Moment, ...]:
    """What the run itself waits for, whatever becomes of its parts."""
    if run.paused_at is not None:
        return ((TimerKind.PAUSE, run.paused_at + rules.pause_limit),)
    found: list[Moment] = []
    if run.phase in (Phase.PREPARING, Phase.REVIEWING):
        found.append((TimerKind.RUN, run.due))
    analysis = run.part(Stage.AST)
    if run.phase is Phase.REVIEWING and not run.released and analysis is not None and not analysis.resolved:
        asked = run.analysis_asked_at or run.opened_at
        found.append((TimerKind.ANALYSIS_WAIT, asked + timedelta(seconds=run.ast_wait)))
    return tuple(found)


def timers_of(
    rules: Rules, run: Run, parts: Iterable[Part] | None = None, moments: Iterable[Moment] | None = None
) -> Iterator[Timer]:
    """While a run is paused, nothing is asked and nothing given up, but for what is being said already. With `parts`
    and `moments`, only the timers of these."""
    parts = run.parts.values() if parts is None else parts
    for kind, due in moments_of(rules, run) if moments is None else moments:
        yield _of_run(run, kind, due)
    if run.paused_at is not None:
        yield from (
            _deadline(run, part, part.not_after)
            for part in parts
            if part.stage is Stage.COMMENTS and part.not_after and part.state is PartState.OPEN
        )
        return
    for part in parts:
        if part.state is PartState.WAITING and part.due is not None:
            yield _of_part(run, part, TimerKind.ATTEMPT, attempt=part.attempt + 1, due=part.due)
            if part.stage is Stage.COMMENTS:
                yield _unasked_deadline(rules, run, part, part.due)
        elif part.state is PartState.OPEN and part.not_after is not None:
            yield _deadline(run, part, part.not_after)


def _unasked_deadline(rules: Rules, run: Run, part: Part, due: datetime) -> Timer:
    """That of the attempt to come. The run's own timer ends no comments, so without it nothing would wake a run whose
    attempt could not be asked for."""
    return _of_part(run, part, TimerKind.DEADLINE, attempt=part.attempt + 1, due=due + rules.part_deadline)


def _deadline(run: Run, part: Part, due: datetime) -> Timer:
    return _of_part(run, part, TimerKind.DEADLINE, attempt=part.attempt, due=due)


def _of_run(run: Run, kind: TimerKind, due: datetime) -> Timer:
    return Timer(deterministic_id("timer", run.id, kind, due.isoformat()), due, kind, run.id)


def _of_part(run: Run, part: Part, kind: TimerKind, *, attempt: int, due: datetime) -> Timer:
    timer_id = deterministic_id("timer", run.id, kind, part.stage, part.part, str(attempt), due.isoformat())
    return Timer(timer_id, due, kind, run.id, part.stage, part.part, attempt)
