"""PURE: a timer fired. It acts if it still stands, and changes nothing if it does not; no clock is asked again."""

from penstock_contracts.enums import ErrorClassification, Stage
from penstock_contracts.facts import StageGivenUp, StageReleased, TimerFired
from penstock_orchestrator.answering import give_up
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.evolve import ALL_PARTS
from penstock_orchestrator.state import HEAVY, PartState, Phase, Run, TimerKind
from penstock_orchestrator.timers import Timer, timers_of
from penstock_orchestrator.withdrawing import cancel, fail


def decide_timer(decision: Decision, fact: TimerFired) -> None:
    """A timer fires once, so one that stands must act: what it does ends its standing."""
    run = decision.state.runs.get(fact.run_id)
    if run is None or run.finished:
        return
    standing = {timer.id: timer for timer in timers_of(decision.rules, run)}
    timer = standing.get(fact.timer_id)
    if timer is not None:
        _FIRED[timer.kind](decision, run, timer)


def _attempt(decision: Decision, run: Run, timer: Timer) -> None:
    decision.ask(run, Stage(timer.stage), timer.part)


def _deadline(decision: Decision, run: Run, timer: Timer) -> None:
    part = run.part(Stage(timer.stage), timer.part)
    if part is not None:
        missed = "not asked again" if part.state is PartState.WAITING else "no answer"
        give_up(decision, run, part, ErrorClassification.TRANSIENT, f"{missed} until {timer.due:%H:%M:%S} UTC")


def _analysis_wait(decision: Decision, run: Run, _: Timer) -> None:
    decision.say(StageReleased(run.id, Stage.AST, f"no analysis within {run.ast_wait:g} s"), run.id)


def _run_deadline(decision: Decision, run: Run, _: Timer) -> None:
    """Open and unasked parts are given up together; what there is, is published."""
    reason = "the run's deadline has passed"
    if run.phase is Phase.PREPARING:
        fail(decision, run, ErrorClassification.TRANSIENT, reason)
        return
    for stage in HEAVY:
        if stage is not Stage.FILES_REVIEW and all(part.resolved for part in run.of_stage(stage)):
            continue
        decision.say(StageGivenUp(run.id, stage, ALL_PARTS, 0, ErrorClassification.TRANSIENT, reason), run.id)


def _pause_limit(decision: Decision, run: Run, _: Timer) -> None:
    cancel(decision, run, "penstock", f"paused for {decision.rules.pause_limit.days} days")


_FIRED = {
    TimerKind.ATTEMPT: _attempt,
    TimerKind.DEADLINE: _deadline,
    TimerKind.ANALYSIS_WAIT: _analysis_wait,
    TimerKind.RUN: _run_deadline,
    TimerKind.PAUSE: _pause_limit,
}
