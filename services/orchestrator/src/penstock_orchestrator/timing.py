"""PURE: a timer fired. Each looks whether what it waited for still stands, and does nothing where it does not."""

from penstock_contracts.enums import ErrorClassification, Stage
from penstock_contracts.facts import StageGivenUp, StageReleased, TimerFired
from penstock_orchestrator.answering import give_up
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.evolve import ALL_PARTS
from penstock_orchestrator.state import HEAVY, PartState, Phase, Run, TimerKind
from penstock_orchestrator.withdrawing import cancel, fail


def decide_timer(decision: Decision, fact: TimerFired) -> None:
    run = decision.state.runs.get(fact.run_id)
    if run is not None and not run.finished:
        _FIRED[TimerKind(fact.kind)](decision, run, fact)


def _attempt(decision: Decision, run: Run, fact: TimerFired) -> None:
    part = run.part(Stage(fact.stage), fact.part)
    due = part.due if part else None
    standing = part is not None and part.state is PartState.WAITING and part.attempt + 1 == fact.attempt
    if part is None or not standing or due is None or due > decision.now or run.paused_at is not None:
        return
    decision.ask(run, part.stage, part.part)


def _deadline(decision: Decision, run: Run, fact: TimerFired) -> None:
    part = run.part(Stage(fact.stage), fact.part)
    if part is None or part.state is not PartState.OPEN or part.attempt != fact.attempt:
        return
    if part.not_after is not None and part.not_after <= decision.now:
        give_up(decision, run, part, ErrorClassification.TRANSIENT, f"no answer until {part.not_after:%H:%M:%S} UTC")


def _analysis_wait(decision: Decision, run: Run, _: TimerFired) -> None:
    analysis = run.part(Stage.AST)
    if run.phase is Phase.REVIEWING and analysis is not None and not analysis.resolved and not run.released:
        decision.say(StageReleased(run.id, Stage.AST, f"no analysis within {run.ast_wait:g} s"), run.id)


def _run_deadline(decision: Decision, run: Run, _: TimerFired) -> None:
    """Open and unasked parts are given up together; what there is, is published."""
    if run.due > decision.now:
        return
    reason = "the run's deadline has passed"
    if run.phase is Phase.PREPARING:
        fail(decision, run, ErrorClassification.TRANSIENT, reason)
    elif run.phase is Phase.REVIEWING:
        for stage in HEAVY:
            if stage is not Stage.FILES_REVIEW and all(part.resolved for part in run.of_stage(stage)):
                continue
            decision.say(StageGivenUp(run.id, stage, ALL_PARTS, 0, ErrorClassification.TRANSIENT, reason), run.id)


def _pause_limit(decision: Decision, run: Run, _: TimerFired) -> None:
    if run.paused_at is not None and run.paused_at + decision.rules.pause_limit <= decision.now:
        days = decision.rules.pause_limit.days
        cancel(decision, run, "penstock", f"paused for {days} days")


_FIRED = {
    TimerKind.ATTEMPT: _attempt,
    TimerKind.DEADLINE: _deadline,
    TimerKind.ANALYSIS_WAIT: _analysis_wait,
    TimerKind.RUN: _run_deadline,
    TimerKind.PAUSE: _pause_limit,
}
