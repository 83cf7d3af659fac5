"""PURE: a run that will not review any more. `advance` says its closing and finishes it."""

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.facts import (
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowSkipped,
    WorkflowSuperseded,
)
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.state import Run


def supersede(decision: Decision, run: Run, reason: str) -> None:
    if not run.ending:
        decision.say(WorkflowSuperseded(run.id, reason), run.id)


def cancel(decision: Decision, run: Run, actor: str, reason: str) -> None:
    if not run.ending:
        decision.say(WorkflowCancelled(run.id, actor, reason), run.id)


def skip(decision: Decision, run: Run, reason: str) -> None:
    if not run.ending:
        decision.say(WorkflowSkipped(run.id, reason), run.id)


def fail(decision: Decision, run: Run, error_class: ErrorClassification | None, reason: str) -> None:
    if not run.ending:
        decision.say(WorkflowFailed(run.id, error_class, reason), run.id)


def retire_others(decision: Decision, keep: Run, reason: str) -> None:
    """Every other run past prepare is of a head that is not the pull request's any more."""
    for run in decision.state.open_runs():
        if run.id != keep.id and run.past_prepare:
            supersede(decision, run, reason)
