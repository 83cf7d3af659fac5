"""PURE: lets a run go on as far as it can. Looks only at the state, so it is the same after any order of events."""

from collections.abc import Iterator

from penstock_contracts.enums import CommentsKind, RunOutcome, Stage
from penstock_contracts.facts import WorkflowFinished
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.requests import is_partial
from penstock_orchestrator.state import HEAVY, PartState, Phase, Run

_CLOSING_OF = {
    RunOutcome.SKIPPED: CommentsKind.SKIPPED,
    RunOutcome.SUPERSEDED: CommentsKind.SUPERSEDED,
    RunOutcome.FAILED: CommentsKind.FAILED,
    RunOutcome.CANCELLED: CommentsKind.CANCELLED,
}


def advance(decision: Decision, run_id: str) -> None:
    run = decision.run(run_id)
    if run.phase is Phase.CLOSING:
        _close(decision, run)
    elif run.paused_at is not None:
        return
    elif run.phase is Phase.REVIEWING:
        _ask_review_stages(decision, run)
        _join(decision, decision.run(run_id))
    elif run.phase is Phase.PUBLISHING:
        _finish_when_published(decision, run)


# --- heavy stages -----------------------------------------------------------------------------------------------


def _ask_review_stages(decision: Decision, run: Run) -> None:
    """Analysis and the review of the whole start together; the files follow when the analysis has answered."""
    if run.pending_comment and run.part(Stage.COMMENTS, CommentsKind.PENDING) is None:
        decision.ask(run, Stage.COMMENTS, CommentsKind.PENDING)
    for stage in (Stage.AST, Stage.PR_REVIEW):
        if run.part(stage) is None:
            decision.ask(run, stage)
    _ask_batches(decision, decision.run(run.id))


def _ask_batches(decision: Decision, run: Run) -> None:
    """At most `window` batches are out at once; one that waits for its retry keeps its place."""
    analysis = run.part(Stage.AST)
    if analysis is None or not (analysis.resolved or run.released):
        return
    room = decision.rules.window - sum(not part.resolved for part in run.of_stage(Stage.FILES_REVIEW))
    for batch in list(_unasked(run))[: max(room, 0)]:
        decision.ask(run, Stage.FILES_REVIEW, batch)


def _unasked(run: Run) -> Iterator[str]:
    if run.part(Stage.FILES_REVIEW) is not None:  # the whole stage was skipped
        return
    for batch in run.manifest:
        if run.part(Stage.FILES_REVIEW, str(batch.index)) is None:
            yield str(batch.index)


# --- the join ---------------------------------------------------------------------------------------------------


def _join(decision: Decision, run: Run) -> None:
    """Fires when every part is accounted for: answered, given up, or skipped."""
    unresolved = any(not part.resolved for stage in HEAVY for part in run.of_stage(stage))
    if not unresolved and not any(_unasked(run)):
        decision.ask(run, Stage.COMMENTS, CommentsKind.REVIEW)


# --- ends -------------------------------------------------------------------------------------------------------


def _finish_when_published(decision: Decision, run: Run) -> None:
    review = run.review()
    if review is None or review.state is not PartState.DONE or not _comments_resolved(run):
        return
    partial = review.outcome == "partial" or is_partial(run)
    outcome = RunOutcome.PARTIAL if partial else RunOutcome.REVIEWED
    decision.say(WorkflowFinished(run.id, outcome, review.reason, opened_at=run.opened_at), run.id)


def _close(decision: Decision, run: Run) -> None:
    """Says the closing if anything was said, or if a head could not be read and people would wait for what never comes;
    ends the run when everything said was answered or given up."""
    outcome = run.outcome or RunOutcome.FAILED
    if run.closing() is None and (run.said_something or run.announce or run.unread_head):
        decision.ask(run, Stage.COMMENTS, _CLOSING_OF[outcome])
        run = decision.run(run.id)
    if _comments_resolved(run):
        finished = WorkflowFinished(run.id, outcome, run.reason, run.error_class, run.opened_at)
        decision.say(finished, run.id)


def _comments_resolved(run: Run) -> bool:
    return all(part.resolved for part in run.of_stage(Stage.COMMENTS))
