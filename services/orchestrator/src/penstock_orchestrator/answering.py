"""PURE: an answer came. The first success completes a part; a failure counts only for the current attempt."""

from penstock_contracts.enums import (
    AnswerOutcome,
    CommentsKind,
    ErrorClassification,
    PullRequestKind,
    SkipReason,
    Stage,
)
from penstock_contracts.facts import Answer, AttemptScheduled, CommentsPublished, ConfigResolved, StageGivenUp
from penstock_contracts.ids import request_id
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.opening import start
from penstock_orchestrator.reading import decide_reading
from penstock_orchestrator.state import Part, PartState, Run
from penstock_orchestrator.withdrawing import fail, supersede


def decide_answer(decision: Decision, fact: Answer) -> None:
    envelope = decision.cause.envelope
    run = decision.state.runs.get(envelope.workflow_id)
    part = run.part(Stage(envelope.stage), envelope.part) if run else None
    why = _why_ignored(run, part, envelope.attempt, fact)
    if why or run is None or part is None:
        if _is_late_review(fact):
            decision.record()
        decision.ignore(why)
        return
    before = decision.state
    decision.record()
    run = decision.run(run.id)
    if fact.outcome is AnswerOutcome.FAILED:
        failed(decision, run, part, fact)
    elif isinstance(fact, ConfigResolved):
        decide_reading(decision, before, run, fact)
    elif isinstance(fact, CommentsPublished) and fact.reason == SkipReason.HEAD_MOVED:
        _head_moved(decision, run, fact)


def give_up(decision: Decision, run: Run, part: Part, error_class: ErrorClassification, reason: str) -> None:
    """Analysis: the review goes without. A batch: partial. Prepare and the review itself: the run fails."""
    maximum = decision.rules.attempts(part.stage, error_class)
    given_up = StageGivenUp(run.id, part.stage, part.part, part.attempt, error_class, reason, maximum)
    decision.say(given_up, run.id)
    fatal = part.stage is Stage.PREPARE or (part.stage is Stage.COMMENTS and part.part == CommentsKind.REVIEW)
    if fatal:
        fail(decision, decision.run(run.id), error_class, f"{part.stage} was given up: {reason}")


def failed(decision: Decision, run: Run, part: Part, fact: Answer) -> None:
    error_class = fact.error_class or ErrorClassification.UNKNOWN
    maximum = decision.rules.attempts(part.stage, error_class)
    if part.attempt >= maximum:
        # Beyond it when a person asked for one more, or a class that is tried less often came last.
        number = f"{part.attempt} of {maximum}" if part.attempt <= maximum else str(part.attempt)
        reason = f"attempt {number} failed ({error_class}): {fact.error}"
        give_up(decision, run, part, error_class, reason)
        return
    seed = request_id(run.id, part.stage, part.part, part.attempt)
    due = decision.now + decision.rules.delay(part.stage, part.attempt, seed, fact.retry_after)
    scheduled = AttemptScheduled(
        run.id,
        part.stage,
        part.part,
        part.attempt + 1,
        due,
        reason=f"{error_class}: {fact.error}",
        maximum=maximum,
    )
    decision.say(scheduled, run.id)


def _why_ignored(run: Run | None, part: Part | None, attempt: int, fact: Answer) -> str:
    if run is None or run.finished:
        return "the run is over"
    if part is None:
        return "this part was never asked for"
    if part.resolved:
        return f"the part is {part.state} already"
    if attempt > part.attempt:
        return f"attempt {attempt} was never asked for"
    if fact.outcome is AnswerOutcome.FAILED and (attempt != part.attempt or part.state is not PartState.OPEN):
        return "a failure of an attempt that is not the current one"
    return ""


def _is_late_review(fact: Answer) -> bool:
    """It was said although its run is over: the stream must know that head as reviewed."""
    said = isinstance(fact, CommentsPublished) and fact.kind is CommentsKind.REVIEW
    return said and fact.outcome in (AnswerOutcome.OK, AnswerOutcome.PARTIAL)


def _head_moved(decision: Decision, run: Run, fact: CommentsPublished) -> None:
    """The commenter saw another head than the one reviewed: its webhook may be lost, so the answer opens the run."""
    supersede(decision, run, f"head moved to {fact.head}")
    start(decision, decision.cause.envelope.id, kind=PullRequestKind.UPDATED, hint_head=fact.head)
