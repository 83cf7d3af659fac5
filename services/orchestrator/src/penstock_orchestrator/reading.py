"""PURE: prepare has read the pull request. Which head is reviewed is decided here and nowhere else."""

from itertools import takewhile

from penstock_contracts.enums import AnswerOutcome, PullRequestKind, RunOutcome, SkipReason, Stage
from penstock_contracts.facts import AttemptScheduled, ConfigResolved, EpochGrown, HeadAdopted, StageSkipped
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.state import REREAD, Run, StreamState
from penstock_orchestrator.withdrawing import retire_others, skip, supersede


def decide_reading(decision: Decision, before: StreamState, run: Run, fact: ConfigResolved) -> None:
    """`before` is the state without this answer: it knows which heads had been seen."""
    if not run.part(Stage.PREPARE, REREAD) and _lags(before, run, fact):
        due = decision.now + decision.rules.reread_after
        scheduled = AttemptScheduled(run.id, Stage.PREPARE, REREAD, 1, due, "the platform lags behind its webhook")
        decision.say(scheduled, run.id)
    elif fact.closed:
        _closed(decision, run)
    elif fact.outcome is AnswerOutcome.SKIPPED:
        _retire_older(decision, run, fact, f"head is {fact.head}")
        skip(decision, run, fact.reason)
    elif not run.forced and _known(decision.state, run, fact):
        _retire_older(decision, run, fact, f"head is {fact.head} again")
        skip(decision, run, SkipReason.SAME_HEAD)
    elif newer := _overtaken(before, run, fact):
        supersede(decision, run, f"head is {newer}")
    else:
        _adopt(decision, run, fact)


def _closed(decision: Decision, run: Run) -> None:
    others = [other for other in decision.state.open_runs() if other.id != run.id and other.past_prepare]
    if others:
        decision.say(EpochGrown(decision.state.epoch + 1, SkipReason.CLOSED))
    for other in others:
        supersede(decision, other, SkipReason.CLOSED)
    skip(decision, run, SkipReason.CLOSED)


def _lags(before: StreamState, run: Run, fact: ConfigResolved) -> bool:
    """The platform shows what was before that of which its webhooks told."""
    hinted = run.hint_head
    other_head = bool(hinted) and hinted != fact.head and hinted not in before.seen_heads
    other_base = bool(before.base_ref and fact.base_ref) and before.base_ref != fact.base_ref
    draft = before.ready and fact.reason == SkipReason.DRAFT
    closed = fact.closed and run.kind not in (PullRequestKind.CLOSED, PullRequestKind.MERGED)
    return other_head or other_base or draft or closed


def _known(state: StreamState, run: Run, fact: ConfigResolved) -> bool:
    """The same head and base is being reviewed, or was."""
    at = (fact.head, fact.base)
    under_way = any(
        other.id != run.id and other.past_prepare and (other.head, other.base) == at for other in state.open_runs()
    )
    done = (RunOutcome.REVIEWED, RunOutcome.PARTIAL)
    return under_way or any((past.head, past.base) == at and past.outcome in done for past in state.reviewed)


def _retire_older(decision: Decision, run: Run, fact: ConfigResolved, reason: str) -> None:
    """Where nothing is reviewed instead. Platforms lag, and nobody takes up what is ended in error: so the webhook has
    to name the head that was read, and what was told later stays. The commenter looks at the head once more."""
    if run.hint_head != fact.head:
        return
    older = [other for other in decision.state.open_runs() if other.past_prepare and other.told < run.told]
    gone = [other for other in older if (other.head, other.base) != (fact.head, fact.base)]
    if gone:
        decision.say(EpochGrown(decision.state.epoch + 1, reason))
    for other in gone:
        supersede(decision, other, reason)


def _overtaken(before: StreamState, run: Run, fact: ConfigResolved) -> str:
    """The head that is reviewed as a later webhook told, where the head read here was told or seen before that one: the
    platform lags, or the answer is late. A head that came back is told by a webhook too, which is later still."""
    later = [other for other in before.open_runs() if other.past_prepare and other.told > run.told]
    for newer in (other.head for other in later if other.hint_head == other.head != fact.head):
        if fact.head == run.hint_head or fact.head in takewhile(newer.__ne__, before.seen_heads):
            return newer
    return ""


def _adopt(decision: Decision, run: Run, fact: ConfigResolved) -> None:
    decision.say(HeadAdopted(run.id, decision.state.epoch + 1, fact.head, fact.base), run.id)
    retire_others(decision, run, f"head is {fact.head}")
    for unwanted in fact.unwanted:
        decision.say(StageSkipped(run.id, unwanted.stage, unwanted.reason), run.id)
