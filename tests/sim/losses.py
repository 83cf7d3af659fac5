"""Faults by which work that was accepted is lost, quietly: nothing is doubled, nothing stays open."""

from collections.abc import Iterator

from penstock_commenter.handler import Commenter
from penstock_commenter.saying import Saying
from penstock_contracts.enums import ControlAction, ErrorClassification
from penstock_contracts.facts import Answer, CommentsPublished, ConfigResolved, PrReceived
from penstock_orchestrator import answering, controls, decide, opening, reading, timing
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import Part, Run, StreamState, TimerKind
from penstock_orchestrator.timers import Timer, timers_of
from penstock_orchestrator.withdrawing import skip, supersede
from tests.sim.actions import Action, Kind
from tests.sim.fault import Fault

MOVED_UNHEARD = (
    Action(Kind.FREEZE, word="commenter.a", point="commenter.1.leased", number=1, seconds=7.0),
    Action(Kind.FREEZE, word="commenter.b", point="commenter.1.leased", number=1, seconds=7.0),
    Action(Kind.PUSH),
    Action(Kind.PASS, seconds=1.0),
    Action(Kind.CRASH, word="ingest", point="receipts.receive", number=1, seconds=400.0),
    Action(Kind.PUSH),
)
"""The head moves while nobody receives webhooks, before the review is said."""
STEERED = (
    Action(Kind.FREEZE, word="workers.a", point="executions.still_wanted", number=1, seconds=31.0),
    Action(Kind.FREEZE, word="workers.b", point="executions.still_wanted", number=1, seconds=31.0),
    Action(Kind.PUSH),
    *(
        action
        for asked in (ControlAction.PAUSE, ControlAction.RESUME, ControlAction.CANCEL)
        for action in (Action(Kind.PASS, seconds=1.0), Action(Kind.CONTROL, word=asked))
    ),
)
"""Somebody steers a run while it waits."""


def deaf(decision: Decision, cause_id: str, fact: PrReceived, full: bool = False) -> None:
    decision.ignore("nobody feels like it")


def once_only(decision: Decision, cause_id: str, fact: PrReceived, full: bool = False) -> None:
    if not (decision.state.runs or decision.state.ended):
        opening.open_run(decision, cause_id, fact, full)


def satisfied(state: StreamState, run: Run, fact: ConfigResolved) -> bool:
    """Whoever was reviewed once is known, whatever the head."""
    return bool(state.reviewed)


def idle(decision: Decision, before: StreamState, run: Run, fact: ConfigResolved) -> None:
    skip(decision, run, "no changes to review")


def believing(before: StreamState, run: Run, fact: ConfigResolved) -> bool:
    """What was read is the truth, however much the platform lags."""
    return False


def stopping(decision: Decision, run: Run, fact: CommentsPublished) -> None:
    """The head has moved, and that is that."""
    supersede(decision, run, f"head moved to {fact.head}")


def nothing_paused(decision: Decision, run: Run, actor: str, reason: str) -> None:
    """The run goes on."""


nothing_resumed = nothing_cancelled = nothing_paused


def unasked(rules: Rules, run: Run) -> Iterator[Timer]:
    """The moment at which a part was to be asked again goes by."""
    return (timer for timer in timers_of(rules, run) if timer.kind is not TimerKind.ATTEMPT or timer.attempt == 1)


async def unlooking(self: Commenter, occasion: object, times: object) -> None:
    """What was reviewed is said, whatever the head is now."""


def impatient(decision: Decision, run: Run, part: Part, fact: Answer) -> None:
    answering.give_up(decision, run, part, fact.error_class or ErrorClassification.UNKNOWN, "it failed")


async def closing_nothing(self: Saying) -> CommentsPublished:
    """What the run had told stays as it is, also on heads that are older by now."""
    return self._answered(())


LOSSES = (
    Fault("no webhook opens a run", decide, "open_run", deaf),
    Fault("a pull request has one run for ever", decide, "open_run", once_only),
    Fault("whatever comes after a review is the same head", reading, "_known", satisfied),
    Fault("every reading ends skipped", answering, "decide_reading", idle),
    Fault("a platform that lags is not read again", reading, "_lags", believing),
    Fault("a head that moved opens no run", answering, "_head_moved", stopping, MOVED_UNHEARD),
    Fault("a pause does nothing", controls, "_pause", nothing_paused, STEERED),
    Fault("a resume does nothing", controls, "_resume", nothing_resumed, STEERED),
    Fault("a cancel through the API does nothing", controls, "cancel", nothing_cancelled, STEERED),
    Fault("a cancel by command does nothing", decide, "cancel", nothing_cancelled),
    Fault("a commenter does not look whether the head moved", Commenter, "_head_moved", unlooking, MOVED_UNHEARD),
    Fault("a failed attempt is the last", answering, "failed", impatient),
    Fault("no attempt is asked again when it is due", timing, "timers_of", unasked),
    Fault("a closing says nothing", Saying, "closing", closing_nothing),
)
