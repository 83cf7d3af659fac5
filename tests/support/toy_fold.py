"""A fold small enough to see through, made of real facts, for the tests and benches of the store.

A pr.received asks for `prepare` of a run and sets a timer; config.resolved answers; a fired timer gives the run up.
The command of a pr.received makes it misbehave: see `_decide_received`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from penstock_contracts.enums import ExecutionState, JobStatus, PullRequestKind, RepairAction, Stage, WorkflowType
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    AttemptScheduled,
    ConfigResolved,
    Fact,
    PrepareRequested,
    PrReceived,
    PullRequestRef,
    RepairRequested,
    StageGivenUp,
    TimerFired,
    WorkflowStalled,
)
from penstock_contracts.ids import inner_id, request_id, run_id
from penstock_store.encoding import StateEncoding
from penstock_store.errors import CorruptState
from penstock_store.rows import (
    DeadLetterRow,
    Delivered,
    ExecutionRow,
    JobRow,
    Projection,
    RawRecord,
    StreamRow,
    TimerRow,
)

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class ToyRun:
    id: str
    asked_at: datetime
    state: ExecutionState = ExecutionState.ASKED
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class ToyState:
    stream: str
    subject: str = ""
    sequence: int = 0
    runs: tuple[ToyRun, ...] = ()
    stalled: tuple[str, ...] = ()


class ToyError(Exception):
    """What a mistake in decide would raise."""


@dataclass(slots=True)
class ToyFold:
    """A `healed` fold is the one with the mistake corrected."""

    version: int = 1
    healed: bool = False
    complaint: str = "decide cannot do this"
    refuses_to_stall: bool = False
    forgets_runs: bool = False
    scribbles: bool = False
    ignores_timers: bool = False
    raises: bool = False
    deadline: float = 3600.0

    def initial(self, stream: str) -> ToyState:
        return ToyState(stream)

    def decide(self, state: ToyState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        match event.fact:
            case PrReceived() as received:
                facts = self._decide_received(state, event, received)
            case TimerFired() if self.ignores_timers:
                facts = []
            case TimerFired(run_id=run):
                facts = [StageGivenUp(run, Stage.PREPARE, "", 1, None, "late")]
            case other:
                facts = [other]
        return number(state, event, facts, now)

    def _decide_received(self, state: ToyState, event: Event[Fact], fact: PrReceived) -> list[Fact]:
        ref = PullRequestRef(fact.platform, fact.instance, fact.repository_id, fact.repository, fact.number)
        asked: list[Fact] = [fact, PrepareRequested(ref, fact.kind)]
        match fact.command:
            case "raise" if not self.healed:
                raise ToyError(self.complaint)
            case "huge" if not self.healed:
                return [replace(fact, title="x" * 70_000)]
            case "misread" if not self.healed:
                return [replace(fact, title="misread")]
            case "nul" if not self.healed:
                return [replace(fact, sender="\x00")]
            case "needs run" if not state.runs:
                raise CorruptState("a run is missing")
            case "nothing":
                return []
            case "rearm":
                run = state.runs[-1]
                return [AttemptScheduled(run.id, Stage.PREPARE, "", 2, (run.due or START) + timedelta(hours=9), "")]
        return asked

    def evolve(self, state: ToyState, stored: Event[Fact]) -> ToyState:
        envelope = stored.envelope
        if self.raises:
            raise ToyError("evolve can do nothing")
        state = replace(state, sequence=envelope.sequence, subject=envelope.subject)
        match stored.fact:
            case PrReceived(title="misread"):
                raise ToyError("evolve cannot do this")
            case PrepareRequested() if not self.forgets_runs:
                run = ToyRun(envelope.workflow_id, envelope.time, due=envelope.time + timedelta(seconds=self.deadline))
                return replace(state, runs=(*state.runs, run))
            case ConfigResolved():
                return _end(state, envelope.workflow_id, ExecutionState.ANSWERED)
            case StageGivenUp(run_id=run_id_):
                return _end(state, run_id_, ExecutionState.GIVEN_UP)
            case AttemptScheduled(run_id=run_id_, due=due):
                runs = tuple(replace(run, due=due) if run.id == run_id_ else run for run in state.runs)
                return replace(state, runs=runs)
            case WorkflowStalled(event_id=event_id):
                return replace(state, stalled=(*state.stalled, event_id))
        return state

    def stall(
        self, state: ToyState, event: Event[Fact], error: str, remedy: str, now: datetime
    ) -> Sequence[Event[Fact]]:
        if self.refuses_to_stall:
            raise ToyError("stall must not raise, but it does")
        envelope = event.envelope
        fact = WorkflowStalled(envelope.workflow_id, envelope.stage, envelope.id, envelope.type, error, remedy)
        return number(state, event, [fact], now)

    def project(self, state: ToyState, other: ToyState | None = None) -> Projection:
        same = {id(run) for run in other.runs} if other else ()
        runs = [run for run in state.runs if id(run) not in same]
        return Projection(
            jobs=tuple(_job(state, run) for run in runs),
            executions=tuple(
                ExecutionRow(run.id, Stage.PREPARE, "", 1, run.state, asked_at=run.asked_at) for run in runs
            ),
            timers=tuple(
                TimerRow(timer_id(run.id), state.stream, run.due, "deadline", run.id, Stage.PREPARE, "", 1, 0)
                for run in runs
                if run.due is not None
            ),
        )

    def sequence(self, state: ToyState) -> int:
        return state.sequence

    def subject(self, state: ToyState) -> str:
        return state.subject

    def encode(self, state: ToyState) -> bytes:
        return b"scribble" if self.scribbles else msgspec.json.encode(state)

    def decode(self, data: bytes) -> ToyState:
        try:
            return msgspec.json.decode(data, type=ToyState)
        except msgspec.MsgspecError as error:
            raise CorruptState(str(error)) from error


def toy_state(row: StreamRow) -> ToyState:
    """Of a row that was written with the plain strategy, or is too small for another."""
    assert row.encoding == StateEncoding.FULL
    return ToyFold().decode(row.state)


def number(state: ToyState, cause: Event[Fact], facts: Sequence[Fact], now: datetime) -> list[Event[Fact]]:
    envelope = cause.envelope
    run = envelope.workflow_id or run_id(envelope.stream, envelope.id)
    return [
        Event(
            replace(
                envelope,
                id=_id(envelope.id, index, run, fact),
                type=fact.TYPE,
                time=now,
                sequence=state.sequence + index + 1,
                workflow_id=run,
                causation_id=envelope.id,
            ),
            fact,
        )
        for index, fact in enumerate(facts)
    ]


def _id(cause: str, index: int, run: str, fact: Fact) -> str:
    return request_id(run, Stage.PREPARE, "", 1) if isinstance(fact, PrepareRequested) else inner_id(cause, index)


def timer_id(run: str) -> str:
    return f"{run}:deadline"


def received(
    event_id: str, stream: str = "toy:host:1:7", command: str = "", subject: str = "toy:owner/repo#7"
) -> Delivered:
    """A pr.received as the log delivers it."""
    fact = PrReceived(
        PullRequestKind.OPENED, "toy", "host", "1", "owner/repo", 7, event_id, command=command, sender="ada"
    )
    return delivered(Envelope(event_id, fact.TYPE, "tests", START, stream, subject), fact)


def resolved(event_id: str, run: str, stream: str = "toy:host:1:7") -> Delivered:
    fact = ConfigResolved(head="abc")
    envelope = Envelope(event_id, fact.TYPE, "tests", START, stream, "toy:owner/repo#7", workflow_id=run)
    return delivered(envelope, fact)


def redrive_of(letter: DeadLetterRow, request_id: str = "redrive") -> Delivered:
    """Ada asks for a redrive."""
    fact = RepairRequested(RepairAction.REDRIVE, "ada", "", letter.id, letter.event_id, letter.event_type)
    envelope = Envelope(request_id, fact.TYPE, "tests", START, letter.stream, "toy:owner/repo#7", letter.run_id)
    return delivered(envelope, fact)


def fired(timer: TimerRow) -> Delivered:
    fact = TimerFired(timer.id, timer.kind, timer.run_id, timer.stage, timer.part, timer.attempt, timer.generation)
    envelope = Envelope(timer.id, fact.TYPE, "tests", timer.due, timer.stream, "toy:owner/repo#7", timer.run_id)
    return Delivered(Event(envelope, fact), RawRecord("timers", 0, 0, None, (), None))


def delivered(envelope: Envelope, fact: Fact) -> Delivered:
    """Without bytes: the store encodes the event again where it needs them."""
    return Delivered(Event(envelope, fact), RawRecord(fact.TYPE, 0, 0, envelope.stream.encode(), (), None))


def _end(state: ToyState, run_id_: str, how: ExecutionState) -> ToyState:
    return replace(
        state, runs=tuple(replace(run, state=how, due=None) if run.id == run_id_ else run for run in state.runs)
    )


def _job(state: ToyState, run: ToyRun) -> JobRow:
    open_ = run.state is ExecutionState.ASKED
    return JobRow(
        id=run.id,
        parent_id=None,
        stream=state.stream,
        type=WorkflowType.CODE_REVIEW,
        status=JobStatus.PROCESSING if open_ else JobStatus.COMPLETED,
        outcome="",
        reason="",
        error_class=None,
        head="",
        base="",
        epoch=1,
        stage=Stage.PREPARE,
        waiting_for="config.resolved" if open_ else "",
        waiting_since=run.asked_at if open_ else None,
        waiting_until=run.due,
        correlation_id=state.stream,
        created_at=run.asked_at,
        finished_at=None,
    )
