"""PURE: what follows from an event. (rules, state, event, now) -> the facts to store, in order.

Each kind of event has one function here or in a neighbour: answers in reading.py and answering.py, people in
controls.py. Afterwards `advance` lets every open run go on as far as it can.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock_contracts.enums import Command, PullRequestKind
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    EpochGrown,
    Fact,
    PrReceived,
    RepairRequested,
    StallCleared,
    TimerFired,
    WorkflowControl,
    WorkflowStalled,
)
from penstock_contracts.ids import deterministic_id
from penstock_orchestrator.advance import advance
from penstock_orchestrator.answering import decide_answer
from penstock_orchestrator.controls import control_run, pause_runs, resume_runs
from penstock_orchestrator.decision import Decision
from penstock_orchestrator.opening import catch_up, open_run
from penstock_orchestrator.repairing import decide_repair
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import TRUSTED, StreamState
from penstock_orchestrator.timing import decide_timer
from penstock_orchestrator.withdrawing import cancel, supersede

REVIEWS = {Command.REVIEW: False, Command.FULL_REVIEW: True}


def decide(rules: Rules, state: StreamState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
    decision = Decision(rules, state, event, now)
    if event.envelope.id in state.stalled:
        decision.say(StallCleared(event.envelope.id))
    if isinstance(event.fact, Answer):
        decide_answer(decision, event.fact)
    else:
        _DECIDES[event.fact.TYPE](decision, event.fact)
    for run in decision.state.open_runs():
        advance(decision, run.id)
    return decision.events


def stall(
    rules: Rules, state: StreamState, event: Event[Fact], now: datetime, *, error: str, remedy: str
) -> Sequence[Event[Fact]]:
    """Total: what is stored when this event cannot be applied, under ids apart from those of its redrive, and of one
    that failed again."""
    envelope = event.envelope
    cause = Event(replace(envelope, id=deterministic_id("stalled", envelope.id, str(state.sequence))), event.fact)
    decision = Decision(rules, state, cause, now)
    fact = WorkflowStalled(envelope.workflow_id, envelope.stage, envelope.id, envelope.type, error=error, remedy=remedy)
    decision.say(fact, envelope.workflow_id)
    return decision.events


def _received(decision: Decision, fact: PrReceived) -> None:
    before = decision.state
    decision.record()
    if fact.kind in (PullRequestKind.CLOSED, PullRequestKind.MERGED):
        _closed(decision, fact, reopened=before.reopened)
    elif fact.kind is PullRequestKind.COMMAND:
        _commanded(decision, fact, pushed=before.pushed)
    elif fact.kind is not PullRequestKind.FEEDBACK and not decision.state.automatic_paused:
        open_run(decision, cause_id=decision.cause.envelope.id, fact=fact)


def _closed(decision: Decision, fact: PrReceived, *, reopened: bool) -> None:
    """Every run ends at once. Where a reopening was told before, this may be the older of the two come late: whoever
    lost a run by it is read once more, and that run ends silently where it finds the pull request closed."""
    reason = f"pull request {fact.kind}"
    decision.say(EpochGrown(decision.state.epoch + 1, reason))
    ended = [run for run in decision.state.open_runs() if not run.ending]
    for run in ended:
        supersede(decision, run, reason)
    if reopened and ended and fact.kind is PullRequestKind.CLOSED and not decision.state.automatic_paused:
        open_run(decision, cause_id=decision.cause.envelope.id, fact=fact)


def _commanded(decision: Decision, fact: PrReceived, pushed: str) -> None:
    """What people write. Strangers' commands, and those that ask for words and not for work, are only recorded. What
    costs something is asked for of the platform as well: prepare looks whether the sender may write. What was
    pushed during a pause opened no run then, and does so when the pause ends."""
    if fact.sender_association not in TRUSTED:
        return
    reason = f"command of {fact.sender}"
    if fact.command in REVIEWS:
        open_run(
            decision,
            cause_id=fact.comment_id or decision.cause.envelope.id,
            fact=fact,
            full=REVIEWS[Command(fact.command)],
        )
    elif fact.command == Command.PAUSE:
        pause_runs(decision, fact.sender, reason)
    elif fact.command == Command.RESUME:
        resume_runs(decision, fact.sender, reason)
        if pushed:
            catch_up(decision, fact.sender, pushed)
    elif fact.command == Command.CANCEL:
        for run in decision.state.open_runs():
            cancel(decision, run, fact.sender, reason)


_DECIDES: dict[str, Callable[[Decision, Any], None]] = {
    PrReceived.TYPE: _received,
    WorkflowControl.TYPE: control_run,
    RepairRequested.TYPE: decide_repair,
    TimerFired.TYPE: decide_timer,
}
