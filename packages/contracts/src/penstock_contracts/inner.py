"""Inner facts: what the orchestrator concluded. Stored and published, and said by nobody else."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from penstock_contracts.enums import ErrorClassification, PullRequestKind, RunOutcome, Stage
from penstock_contracts.fact import Fact, PullRequestRef


@dataclass(frozen=True, slots=True)
class WorkflowOpened(Fact):
    """A run exists. `due` is its deadline."""

    TYPE: ClassVar[str] = "workflow.opened"
    run_id: str
    cause_id: str
    kind: PullRequestKind
    pull_request: PullRequestRef
    hint_head: str
    due: datetime
    sender: str = ""
    command: str = ""
    command_argument: str = ""
    forced: bool = False
    full: bool = False
    replays: str = ""


@dataclass(frozen=True, slots=True)
class AttemptScheduled(Fact):
    """A part will be asked again at `due`. After a failure `maximum` says how often at most; otherwise it is 0."""

    TYPE: ClassVar[str] = "attempt.scheduled"
    run_id: str
    stage: Stage
    part: str
    attempt: int
    due: datetime
    reason: str
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class HeadAdopted(Fact):
    """This run reviews this head from now on; the stream's epoch has grown."""

    TYPE: ClassVar[str] = "head.adopted"
    run_id: str
    epoch: int
    head: str
    base: str


@dataclass(frozen=True, slots=True)
class EpochGrown(Fact):
    """What was being reviewed is no longer wanted, and no run takes its place: closed, or a known head again."""

    TYPE: ClassVar[str] = "epoch.grown"
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class StageSkipped(Fact):
    """A stage that will not be asked for in this run, and why."""

    TYPE: ClassVar[str] = "stage.skipped"
    run_id: str
    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class StageReleased(Fact):
    """File review goes on without the analysis, which did not answer in time."""

    TYPE: ClassVar[str] = "stage.released"
    run_id: str
    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class StageGivenUp(Fact):
    """A part that will not be asked for again. `maximum` is how often it would have been at most."""

    TYPE: ClassVar[str] = "stage.given_up"
    run_id: str
    stage: Stage
    part: str
    attempt: int
    error_class: ErrorClassification | None
    reason: str
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class WorkflowSuperseded(Fact):
    TYPE: ClassVar[str] = "workflow.superseded"
    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowCancelled(Fact):
    TYPE: ClassVar[str] = "workflow.cancelled"
    run_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowSkipped(Fact):
    TYPE: ClassVar[str] = "workflow.skipped"
    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowFailed(Fact):
    TYPE: ClassVar[str] = "workflow.failed"
    run_id: str
    error_class: ErrorClassification | None
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowPaused(Fact):
    TYPE: ClassVar[str] = "workflow.paused"
    run_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowResumed(Fact):
    TYPE: ClassVar[str] = "workflow.resumed"
    run_id: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerIgnored(Fact):
    """An answer, a control or a timer that changes nothing any more, and why."""

    TYPE: ClassVar[str] = "answer.ignored"
    run_id: str
    ignored_id: str
    ignored_type: str
    why: str


@dataclass(frozen=True, slots=True)
class WorkflowStalled(Fact):
    """An event could not be applied. It names the event, the stage, the error and what to do."""

    TYPE: ClassVar[str] = "workflow.stalled"
    run_id: str
    stage: str
    event_id: str
    event_type: str
    error: str
    remedy: str


@dataclass(frozen=True, slots=True)
class StallCleared(Fact):
    """The event that stalled the stream was redriven and applied, or put aside by a person."""

    TYPE: ClassVar[str] = "stall.cleared"
    event_id: str


@dataclass(frozen=True, slots=True)
class TimerFired(Fact):
    """A moment the state was waiting for has come. It never travels; it is a fact so that it can be a dead letter."""

    TYPE: ClassVar[str] = "timer.fired"
    timer_id: str
    kind: str
    run_id: str
    stage: str
    part: str
    attempt: int
    generation: int


@dataclass(frozen=True, slots=True)
class WorkflowFinished(Fact):
    TYPE: ClassVar[str] = "workflow.finished"
    run_id: str
    outcome: RunOutcome
    reason: str = ""
    error_class: ErrorClassification | None = None
    opened_at: datetime | None = None
