"""PURE: what people ask of runs, through the API or in a comment."""

from penstock_contracts.enums import ControlAction, PullRequestKind, Stage
from penstock_contracts.facts import AttemptScheduled, WorkflowControl, WorkflowPaused, WorkflowResumed
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.opening import start
from penstock_orchestrator.state import HEAVY, PartState, Phase, Run
from penstock_orchestrator.withdrawing import cancel


def control_run(decision: Decision, fact: WorkflowControl) -> None:
    if fact.action is ControlAction.RE_REVIEW:
        decision.record()
        start(
            decision,
            decision.cause.envelope.id,
            kind=PullRequestKind.COMMAND,
            sender=fact.actor,
            forced=True,
            replays=fact.run_id,
        )
        return
    run = decision.state.runs.get(fact.run_id)
    if run is None or run.ending:
        decision.ignore("the run is over")
        return
    decision.record()
    reason = fact.reason or f"{fact.action} by {fact.actor}"
    if fact.action is ControlAction.CANCEL:
        cancel(decision, run, fact.actor, reason)
    elif fact.action is ControlAction.PAUSE:
        _pause(decision, run, fact.actor, reason)
    elif fact.action is ControlAction.RESUME:
        _resume(decision, run, fact.actor, reason)
    else:
        _retry(decision, run, fact)


def pause_runs(decision: Decision, actor: str, reason: str) -> None:
    for run in decision.state.open_runs():
        _pause(decision, run, actor, reason)


def resume_runs(decision: Decision, actor: str, reason: str) -> None:
    for run in decision.state.open_runs():
        _resume(decision, run, actor, reason)


def _pause(decision: Decision, run: Run, actor: str, reason: str) -> None:
    """Withdraws nothing: what was asked may finish, nothing new is asked."""
    if run.paused_at is None and not run.ending:
        decision.say(WorkflowPaused(run.id, actor, reason), run.id)


def _resume(decision: Decision, run: Run, actor: str, reason: str) -> None:
    """Every open part is asked again as its next attempt, with fresh deadlines; retries that fell due are due now."""
    if run.paused_at is None:
        return
    decision.say(WorkflowResumed(run.id, actor, reason), run.id)
    for part in run.parts.values():
        if part.state is PartState.OPEN:
            decision.ask(decision.run(run.id), part.stage, part.part)
        elif part.state is PartState.WAITING and part.due is not None:
            due = max(part.due, decision.now)
            scheduled = AttemptScheduled(run.id, part.stage, part.part, part.attempt + 1, due, "resumed")
            decision.say(scheduled, run.id)


def _retry(decision: Decision, run: Run, fact: WorkflowControl) -> None:
    """A heavy part that was given up is asked once more, while the review is not being published yet; of a run that is
    paused when it is resumed."""
    part = run.part(Stage(fact.stage), fact.part) if fact.stage in set(Stage) else None
    retryable = part is not None and part.stage in HEAVY and part.state is PartState.GIVEN_UP
    if part is None or not retryable or run.phase is not Phase.REVIEWING:
        decision.ignore("only a heavy part that was given up can be retried, before the review is published")
        return
    if run.paused_at is None:
        decision.ask(run, part.stage, part.part)
    else:
        attempt, why = part.attempt + 1, fact.reason or "retried"
        decision.say(AttemptScheduled(run.id, part.stage, part.part, attempt, decision.now, why), run.id)
