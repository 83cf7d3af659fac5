"""What people ask of events that stalled: redrives and discards, as facts and for the run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.enums import ControlAction, ErrorClassification, JobStatus, RepairAction, RunOutcome, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, RepairRequested, StallCleared, WorkflowStalled
from penstock_eventlog.timers import fired
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER, Orchestrator
from penstock_orchestrator.state import Phase, StreamState, TimerKind
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import Delivered, RawRecord
from tests.support.toy_fold import delivered, received
from tests.unit.penstock_orchestrator.pull_request import RULES, START, PullRequestUnderTest


def stalled(pr: PullRequestUnderTest, event: Event[Fact]) -> None:
    for stored in pr.fold.stall(pr.state, event, "KeyError: x", "redrive it", pr.now):
        pr.state = pr.fold.evolve(pr.state, stored)
        pr.stored.append(stored)


def stall_timer(pr: PullRequestUnderTest, kind: TimerKind) -> None:
    """As the scanner and the store do where the event of a timer cannot be applied: its row goes."""
    (timer,) = (row for row in pr.timers() if row.kind == kind)
    pr.now = max(pr.now, timer.due)
    stalled(pr, fired(timer).event)
    del pr.rows[timer.id]


def publishing() -> tuple[PullRequestUnderTest, str]:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    pr.answer(pr.last_request(run, Stage.AST))
    for event in pr.open_requests():
        pr.answer(event)
    assert pr.run(run).phase is Phase.PUBLISHING
    return pr, run


def closing() -> tuple[PullRequestUnderTest, str]:
    pr, run = publishing()
    pr.control(ControlAction.CANCEL, run)
    assert pr.run(run).phase is Phase.CLOSING
    return pr, run


@pytest.mark.parametrize(("reached", "outcome"), [(publishing, RunOutcome.FAILED), (closing, RunOutcome.CANCELLED)])
def test_a_run_whose_comments_cannot_be_asked_for_again_ends_at_the_deadline_of_that_attempt(
    reached: Callable[[], tuple[PullRequestUnderTest, str]], outcome: RunOutcome
) -> None:
    pr, run = reached()
    pr.fail(pr.last_request(run, Stage.COMMENTS))
    stall_timer(pr, TimerKind.ATTEMPT)
    until = pr.fold.project(pr.state).jobs[0].waiting_until
    assert until == pr.now + RULES.part_deadline
    pr.pass_time(seconds=RULES.part_deadline.total_seconds())
    pr.answer_everything()
    assert pr.run(run).finished
    assert pr.run(run).outcome is outcome
    assert not pr.timers()


def test_a_redriven_attempt_of_comments_is_asked_for_and_the_run_ends_reviewed() -> None:
    pr, run = publishing()
    pr.fail(pr.last_request(run, Stage.COMMENTS))
    (attempt,) = (row for row in pr.timers() if row.kind == TimerKind.ATTEMPT)
    stall_timer(pr, TimerKind.ATTEMPT)
    pr.now += timedelta(minutes=30)
    pr.fire(attempt)
    assert pr.state.stalled == ()
    pr.pass_time(minutes=45)
    pr.answer_everything()
    assert pr.run(run).outcome is RunOutcome.REVIEWED


def test_a_run_whose_last_timer_stalled_says_no_moment_since_only_a_person_can_wake_it() -> None:
    pr, _ = publishing()
    stall_timer(pr, TimerKind.DEADLINE)
    job = pr.fold.project(pr.state).jobs[0]
    assert job.waiting_for.startswith("redrive of")
    assert job.waiting_until is None


def test_a_stalled_answer_leaves_the_run_its_deadline() -> None:
    pr, run, _ = with_lost_answer()
    assert pr.fold.project(pr.state).jobs[0].waiting_until == pr.run(run).due


def test_a_run_that_publishes_after_its_deadline_says_until_when_it_waits_for_the_commenter() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    pr.answer(pr.last_request(run, Stage.AST))
    pr.now = pr.run(run).due - timedelta(minutes=1)
    for event in pr.open_requests():
        pr.answer(event)
    request = pr.last_request(run, Stage.COMMENTS).envelope
    assert request.not_after is not None
    assert request.not_after > pr.run(run).due
    assert pr.fold.project(pr.state).jobs[0].waiting_until == request.not_after


def discard_of(event: Event[Fact]) -> Event[RepairRequested]:
    fact = RepairRequested(RepairAction.DISCARD, "ada", "unreadable", "l-1", event.envelope.id, event.envelope.type)
    return Event(replace(event.envelope, id="repair-1", type=fact.TYPE), fact)


def with_lost_answer() -> tuple[PullRequestUnderTest, str, Event[Fact]]:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    answer = pr.answer_to(pr.last_request(run, Stage.AST))
    stalled(pr, answer)
    return pr, run, answer


def test_a_discarded_answer_counts_as_failed_and_its_part_is_asked_again() -> None:
    pr, run, answer = with_lost_answer()
    assert pr.fold.project(pr.state).jobs[0].waiting_for.startswith("redrive of")
    pr.apply(discard_of(answer))
    assert pr.said(StallCleared) == [StallCleared(answer.envelope.id)]
    assert "redrive" not in pr.fold.project(pr.state).jobs[0].waiting_for
    pr.pass_time(seconds=40)
    assert [event.envelope.attempt for event in pr.requests(run, Stage.AST)] == [1, 2]
    pr.answer(pr.last_request(run, Stage.AST))
    part = pr.run(run).part(Stage.AST)
    assert part is not None
    assert (part.completed_by, part.resolved) == (2, True)


def test_a_second_lost_answer_gives_the_part_up_and_says_who_put_it_aside() -> None:
    pr, run, answer = with_lost_answer()
    pr.apply(discard_of(answer))
    pr.pass_time(seconds=40)
    second = pr.answer_to(pr.last_request(run, Stage.AST))
    stalled(pr, second)
    pr.apply(replace(discard_of(second), envelope=replace(discard_of(second).envelope, id="repair-2")))
    part = pr.run(run).part(Stage.AST)
    assert part is not None
    assert (part.state, part.error_class) == ("given_up", ErrorClassification.UNKNOWN)
    assert "put aside by ada: unreadable" in part.reason


def test_an_answer_that_comes_after_all_completes_its_part() -> None:
    pr, run, answer = with_lost_answer()
    pr.apply(discard_of(answer))
    pr.apply(replace(answer, envelope=replace(answer.envelope, id="found again")))
    part = pr.run(run).part(Stage.AST)
    assert part is not None
    assert part.resolved


def test_discarding_what_its_run_does_not_wait_for_any_more_changes_nothing_but_the_stall() -> None:
    pr, run, answer = with_lost_answer()
    pr.control(ControlAction.CANCEL, run)
    before = pr.run(run)
    pr.apply(discard_of(answer))
    assert pr.run(run) == before
    assert pr.state.stalled == ()


def test_discarding_a_webhook_opens_nothing_and_the_stream_goes_on() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    lost = replace(pr.stored[0], envelope=replace(pr.stored[0].envelope, id="lost"))
    stalled(pr, lost)
    pr.apply(discard_of(lost))
    assert list(pr.state.runs) == [run]
    assert pr.state.stalled == ()


def test_the_same_event_may_stall_twice_under_two_ids() -> None:
    pr, _, answer = with_lost_answer()
    stalled(pr, answer)
    said = [event for event in pr.stored if isinstance(event.fact, WorkflowStalled)]
    assert len({event.envelope.id for event in said}) == 2
    assert pr.state.stalled == (answer.envelope.id,)


def test_a_redrive_of_a_run_that_is_over_meanwhile_is_ignored_and_clears_the_stall() -> None:
    pr, run, answer = with_lost_answer()
    pr.control(ControlAction.CANCEL, run)
    pr.apply(answer)
    assert pr.state.stalled == ()
    assert pr.run(run).outcome is RunOutcome.CANCELLED


@pytest.mark.parametrize("paused", [False, True])
def test_a_stalled_run_that_is_paused_waits_for_its_redrive_and_then_for_resume(paused: bool) -> None:
    pr, run, answer = with_lost_answer()
    if paused:
        pr.control(ControlAction.PAUSE, run)
    assert pr.fold.project(pr.state).jobs[0].waiting_for == f"redrive of {answer.envelope.id}, or discard"
    pr.apply(answer)
    job = pr.fold.project(pr.state).jobs[0]
    assert (job.waiting_for == "workflow.control resume") is paused
    assert job.status is JobStatus.WAITING_FOR_EVENT


class Mistaken(OrchestratorFold):
    """Cannot decide on one event, until it can."""

    broken = True

    def decide(self, state: StreamState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        if self.broken and event.envelope.id == "e-1":
            raise ValueError("a mistake of ours")
        return super().decide(state, event, now)


async def test_the_handler_keeps_the_order_of_what_is_applied_and_redriven() -> None:
    fold = Mistaken(RULES)
    store = MemoryStore(ManualClock())
    handler = Orchestrator(store.streams, fold, Metrics(CollectorRegistry()))
    await handler.apply([received("e-1")])
    (letter,) = await store.dead_letters.letters()
    fact = RepairRequested(RepairAction.REDRIVE, "ada", "", letter.id, "e-1", "pr.received")
    envelope = Envelope("r-1", fact.TYPE, "console", START, letter.stream)
    fold.broken = False

    said = await handler.apply([received("e-0"), delivered(envelope, fact), delivered(envelope, fact), received("e-2")])

    assert len(said) == 4
    facts = await store.streams.facts(letter.stream)
    causes = [
        each.envelope.causation_id or each.envelope.id for each in facts if each.envelope.type == "workflow.opened"
    ]
    assert causes == ["e-0", "e-1", "e-2"]
    assert sum(each.envelope.type == "repair.requested" for each in facts) == 1


async def test_who_asks_for_what_is_settled_is_stored_and_nothing_else_happens() -> None:
    fold = Mistaken(RULES)
    store = MemoryStore(ManualClock())
    handler = Orchestrator(store.streams, fold, Metrics(CollectorRegistry()))
    await handler.apply([received("e-1")])
    (letter,) = await store.dead_letters.letters()
    await store.dead_letters.settle(letter.id, "discarded by bob: old")
    fact = RepairRequested(RepairAction.REDRIVE, "ada", "", letter.id, "e-1", "pr.received")
    record = RawRecord("workflow.control", 0, 0, None, (), None)
    envelope = Envelope("r-1", fact.TYPE, "console", START, letter.stream)
    await handler.apply([Delivered(Event(envelope, fact), record)])
    facts = await store.streams.facts(letter.stream)
    assert [each.envelope.type for each in facts] == ["workflow.stalled", "repair.requested"]
    assert store.tables.inbox[CONSUMER, "r-1"] == "applied"
