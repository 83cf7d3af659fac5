"""A pull request for tests of decide: feeds events, keeps the state, answers what was asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from penstock_contracts.enums import (
    AnswerOutcome,
    CommentsKind,
    ControlAction,
    ErrorClassification,
    PullRequestKind,
    RunOutcome,
    Stage,
)
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    AstCompleted,
    Batch,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    Fact,
    FilesReviewCompleted,
    PrReceived,
    PrReviewCompleted,
    TimerFired,
    WorkflowControl,
    WorkflowFinished,
)
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.ids import answer_id, delivery_event_id, stream_of, subject_of
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import Run, StreamState
from penstock_runtime.retry import STANDARD
from penstock_store.changes import Changes
from penstock_store.rows import TimerRow

START = datetime(2030, 1, 1, tzinfo=UTC)
RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
F = TypeVar("F", bound=Fact)


class PullRequestUnderTest:
    """Applies events as the store does: inbox, decide, evolve. The clock moves only when told."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.fold = OrchestratorFold(rules)
        self.now = START
        self.hint = PrReceived(PullRequestKind.OPENED, "github", "github.com", "42", "acme/shop", 7, "d0")
        self.hint = replace(self.hint, sender_association="MEMBER")
        self.state: StreamState = self.fold.initial(stream_of(self.hint))
        self.stored: list[Event[Fact]] = []
        self.inbox: set[str] = set()
        self.rows: dict[str, TimerRow] = {}
        self.deliveries = 0

    # --- events from outside ------------------------------------------------------------------------------------

    def apply(self, event: Event[Fact]) -> Sequence[Event[Fact]]:
        if event.envelope.id in self.inbox:
            return ()
        self.inbox.add(event.envelope.id)
        old = self.state
        before = {timer.id: timer for timer in self.fold.project(old).timers}
        said = self.fold.decide(self.state, event, self.now)
        for stored in said:
            assert stored.envelope.sequence == self.state.sequence + 1
            self.state = self.fold.evolve(self.state, stored)
        self.stored += said
        self._write_timers(event, before)
        self._project_what_differs(old)
        self._every_open_run_will_be_woken()
        return said

    def _every_open_run_will_be_woken(self) -> None:
        """No job says PROCESSING for ever, whatever became of those it waits for."""
        woken = {timer.run_id for timer in self.fold.project(self.state).timers}
        assert all(run.id in woken for run in self.state.open_runs())

    def _project_what_differs(self, old: StreamState) -> None:
        """Leaving out rows of what is the same in both states leads to the same changes."""
        whole, differing = Changes(), Changes()
        whole.project(self.fold.project(old), self.fold.project(self.state))
        differing.project(self.fold.project(old, self.state), self.fold.project(self.state, old))
        assert differing == whole

    def _write_timers(self, event: Event[Fact], before: dict[str, TimerRow]) -> None:
        """As the store does: the difference is written, and the row of a timer that fired goes."""
        after = {timer.id: timer for timer in self.fold.project(self.state).timers}
        for gone in before.keys() - after.keys():
            self.rows.pop(gone, None)
        if isinstance(event.fact, TimerFired):
            self.rows.pop(event.fact.timer_id, None)
        self.rows.update({timer_id: timer for timer_id, timer in after.items() if timer_id not in before})

    def receive(self, kind: PullRequestKind = PullRequestKind.OPENED, **fields: object) -> str:
        """A webhook; answers the run it opened, or an empty text."""
        self.deliveries += 1
        fact = replace(self.hint, kind=kind, delivery_id=f"d{self.deliveries}", **fields)  # type: ignore[arg-type]
        envelope = Envelope(
            id=delivery_event_id(fact.instance, fact.delivery_id),
            type=fact.TYPE,
            source="penstock/ingest",
            time=self.now,
            stream=self.state.stream,
            subject=subject_of(fact),
            correlation_id=fact.delivery_id,
        )
        before = set(self.state.runs)
        self.apply(Event(envelope, fact))
        return next(iter(set(self.state.runs) - before), "")

    def control(self, action: ControlAction, run_id: str, **fields: str) -> None:
        self.deliveries += 1
        fact = WorkflowControl(action, run_id, actor="ada", **fields)
        envelope = Envelope(
            f"control-{self.deliveries}", fact.TYPE, "penstock/console", self.now, self.state.stream, workflow_id=run_id
        )
        self.apply(Event(envelope, fact))

    # --- answers ------------------------------------------------------------------------------------------------

    def answer(self, request: Event[Fact], fact: Answer | None = None) -> Sequence[Event[Fact]]:
        return self.apply(self.answer_to(request, fact))

    def answer_to(self, request: Event[Fact], fact: Answer | None = None) -> Event[Fact]:
        asked = request.envelope
        answered = fact or _good_answer(request)
        stage = STAGE_OF_REQUEST[asked.type].stage
        envelope = replace(
            asked,
            id=answer_id(asked.workflow_id, stage, asked.part, asked.attempt),
            type=answered.TYPE,
            source="penstock/worker",
            time=self.now,
            causation_id=asked.id,
            sequence=0,
            not_after=None,
        )
        return Event(envelope, answered)

    def read(self, run_id: str, head: str = "a" * 40, batches: int = 1, **fields: object) -> Sequence[Event[Fact]]:
        request = self.last_request(run_id, Stage.PREPARE)
        return self.answer(request, reading(head, batches, **fields))

    def fail(
        self,
        request: Event[Fact],
        error_class: ErrorClassification = ErrorClassification.TRANSIENT,
        retry_after: float | None = None,
    ) -> Sequence[Event[Fact]]:
        row = STAGE_OF_REQUEST[request.envelope.type]
        fact = row.answer(
            outcome=AnswerOutcome.FAILED, error_class=error_class, error="it broke", retry_after=retry_after
        )
        return self.answer(request, fact)

    def answer_everything(self) -> None:
        """Answers every open request until nothing is asked any more."""
        answered: set[str] = set()
        while True:
            todo = [event for event in self.open_requests() if event.envelope.id not in answered]
            if not todo:
                return
            for request in todo:
                answered.add(request.envelope.id)
                self.answer(request)

    # --- time ---------------------------------------------------------------------------------------------------

    def pass_time(self, **duration: float) -> None:
        """Moves the clock and fires what is due, as the scanner would."""
        self.now += timedelta(**duration)
        while True:
            due = [timer for timer in self.timers() if timer.due <= self.now and timer.id not in self.inbox]
            if not due:
                return
            self.fire(min(due, key=lambda timer: timer.due))

    def fire(self, timer: TimerRow) -> None:
        fact = TimerFired(timer.id, timer.kind, timer.run_id, timer.stage, timer.part, timer.attempt, timer.generation)
        self.apply(Event(Envelope(timer.id, fact.TYPE, "penstock/timers", self.now, timer.stream), fact))

    def timers(self) -> tuple[TimerRow, ...]:
        return tuple(self.rows.values())

    # --- looking ------------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        return self.state.runs[run_id]

    def requests(self, run_id: str = "", stage: Stage | None = None) -> list[Event[Fact]]:
        return [
            event
            for event in self.stored
            if event.envelope.type in STAGE_OF_REQUEST
            and (not run_id or event.envelope.workflow_id == run_id)
            and (stage is None or STAGE_OF_REQUEST[event.envelope.type].stage is stage)
        ]

    def last_request(self, run_id: str, stage: Stage) -> Event[Fact]:
        return self.requests(run_id, stage)[-1]

    def open_requests(self) -> list[Event[Fact]]:
        return [event for event in self.requests() if self._is_open(event.envelope)]

    def _is_open(self, envelope: Envelope) -> bool:
        run = self.state.runs.get(envelope.workflow_id)
        part = run.part(STAGE_OF_REQUEST[envelope.type].stage, envelope.part) if run else None
        return part is not None and not part.resolved and part.attempt == envelope.attempt

    def said(self, kind: type[F]) -> list[F]:
        return [event.fact for event in self.stored if isinstance(event.fact, kind)]

    def outcomes(self) -> dict[str, RunOutcome]:
        return {fact.run_id: fact.outcome for fact in self.said(WorkflowFinished)}

    def comments(self, run_id: str) -> list[CommentsKind]:
        return [
            event.fact.kind
            for event in self.requests(run_id, Stage.COMMENTS)
            if isinstance(event.fact, CommentsRequested)
        ]


def reading(head: str = "a" * 40, batches: int = 1, **fields: object) -> ConfigResolved:
    return ConfigResolved(
        head=head,
        base="b" * 40,
        manifest=tuple(Batch(index, 1, f"blob{index}") for index in range(batches)),
        **fields,  # type: ignore[arg-type]
    )


def _good_answer(request: Event[Fact]) -> Answer:
    fact = request.fact
    if isinstance(fact, CommentsRequested):
        return CommentsPublished(kind=fact.kind, head=fact.head, base=fact.base, review_id="1")
    answers: dict[Stage, Answer] = {
        Stage.PREPARE: reading(),
        Stage.AST: AstCompleted(blob="analysis"),
        Stage.PR_REVIEW: PrReviewCompleted(blob="whole"),
        Stage.FILES_REVIEW: FilesReviewCompleted(blob=f"files{request.envelope.part}"),
    }
    return answers[STAGE_OF_REQUEST[request.envelope.type].stage]
