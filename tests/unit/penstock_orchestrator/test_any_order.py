"""Any duplication and any order ends in a legal terminal state; refold gives the same state again (N4, N5, N8)."""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from penstock_contracts.enums import (
    AnswerOutcome,
    CommentsKind,
    ControlAction,
    ErrorClassification,
    PullRequestKind,
    SkipReason,
    Stage,
)
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsPublished, ConfigResolved, Fact, WorkflowFinished
from penstock_orchestrator.state import StreamState
from penstock_store.rows import TimerRow
from tests.unit.penstock_orchestrator.pull_request import RULES, PullRequestUnderTest, reading

HEADS = tuple(letter * 40 for letter in "abc")


class AnyOrder(RuleBasedStateMachine):
    """People push, platforms repeat themselves, workers answer late, twice, wrongly or never, clocks move."""

    @initialize()
    def begin(self) -> None:
        self.pr = PullRequestUnderTest(replace(RULES, window=2))
        self.delivered: list[Event[Fact]] = []
        self.seen_timers: dict[str, TimerRow] = {}
        self.head = HEADS[0]
        self.pr.receive(hint_head=self.head)

    @rule(head=st.sampled_from(HEADS), kind=st.sampled_from([*PullRequestKind]), true=st.booleans())
    def push(self, head: str, kind: PullRequestKind, true: bool) -> None:
        self.head = head if true else self.head
        self.pr.receive(kind, hint_head=head, command="review" if kind is PullRequestKind.COMMAND else "")

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        requests = self.pr.requests()
        if requests:
            self._deliver(self._good(data.draw(st.sampled_from(requests))))

    @rule(data=st.data(), error_class=st.sampled_from([*ErrorClassification]))
    def fail(self, data: st.DataObject, error_class: ErrorClassification) -> None:
        if requests := self.pr.requests():
            self.pr.fail(data.draw(st.sampled_from(requests)), error_class)

    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        if self.delivered:
            before = self.pr.state
            self.pr.apply(data.draw(st.sampled_from(self.delivered)))
            assert self.pr.state == before

    @rule(data=st.data(), action=st.sampled_from([*ControlAction]))
    def control(self, data: st.DataObject, action: ControlAction) -> None:
        self.pr.control(action, data.draw(st.sampled_from(sorted(self.pr.state.runs))), stage="ast")

    @rule(seconds=st.sampled_from([1, 6, 11, 61, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.pr.pass_time(seconds=seconds)

    @invariant()
    def sequence_numbers_are_contiguous_and_the_state_follows_from_the_facts(self) -> None:
        if not hasattr(self, "pr"):
            return
        state: StreamState = self.pr.fold.initial(self.pr.state.stream)
        for expected, stored in enumerate(self.pr.stored, start=1):
            assert stored.envelope.sequence == expected
            state = self.pr.fold.evolve(state, stored)
        assert state == self.pr.state
        assert self.pr.fold.decode(self.pr.fold.encode(state)) == state

    @invariant()
    def at_most_one_run_is_past_prepare_and_each_is_asked_for_one_review(self) -> None:
        if not hasattr(self, "pr"):
            return
        assert sum(run.past_prepare for run in self.pr.state.open_runs()) <= 1
        for run in self.pr.state.runs.values():
            asked = [event.envelope for event in self.pr.requests(run.id, Stage.COMMENTS)]
            reviews = {envelope.part for envelope in asked if envelope.part == CommentsKind.REVIEW}
            closings = {envelope.part for envelope in asked} - {CommentsKind.REVIEW, CommentsKind.PENDING}
            assert len(reviews) <= 1
            assert len(closings) <= 1

    @invariant()
    def the_rows_of_timers_are_what_the_state_waits_for(self) -> None:
        if hasattr(self, "pr"):
            assert set(self.pr.rows) == {timer.id for timer in self.pr.fold.project(self.pr.state).timers}

    @rule(data=st.data())
    def a_timer_that_was_read_earlier_fires_now(self, data: st.DataObject) -> None:
        """Its scanner was slow: meanwhile it may not stand any more, or not yet be due by another clock."""
        if self.seen_timers:
            self.pr.fire(data.draw(st.sampled_from(list(self.seen_timers.values()))))

    @invariant()
    def every_open_run_waits_for_a_moment_that_will_come(self) -> None:
        if not hasattr(self, "pr"):
            return
        self.seen_timers.update(self.pr.rows)
        waiting = {timer.run_id for timer in self.pr.timers()}
        assert {run.id for run in self.pr.state.open_runs()} <= waiting

    def teardown(self) -> None:
        """Whatever happened, time alone brings every run to its end."""
        if not hasattr(self, "pr"):
            return
        for _ in range(40):
            self.pr.pass_time(days=1)
        assert self.pr.state.open_runs() == ()
        assert self.pr.timers() == ()
        finished = [fact.run_id for fact in self.pr.said(WorkflowFinished)]
        assert len(finished) == len(set(finished))

    def _deliver(self, event: Event[Fact]) -> None:
        self.delivered.append(event)
        self.pr.apply(event)

    def _good(self, request: Event[Fact]) -> Event[Fact]:
        """The reading is the platform's head; a review of another head answers that the head moved."""
        plain = self.pr.answer_to(request)
        if isinstance(plain.fact, ConfigResolved):
            return self.pr.answer_to(request, reading(self.head, batches=3))
        if isinstance(plain.fact, CommentsPublished) and plain.fact.kind is CommentsKind.REVIEW:
            run = self.pr.state.runs.get(request.envelope.workflow_id)
            if run is not None and run.head != self.head:
                moved = CommentsPublished(outcome=AnswerOutcome.SKIPPED, reason=SkipReason.HEAD_MOVED, head=self.head)
                return self.pr.answer_to(request, moved)
        return plain


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
