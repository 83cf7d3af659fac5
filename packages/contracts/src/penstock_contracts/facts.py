"""Every fact that Penstock says, in the order in which a review says them.

A fact is a frozen dataclass with its type name; the Avro schema is generated from it. Requests end in `requested`,
everything else is past tense. Every field of an answer has a default, so that a failure can be said without the work.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from penstock_contracts.enums import CommentsKind, ControlAction, PullRequestKind, RepairAction, Stage
from penstock_contracts.fact import EPOCH, Answer, Fact, PullRequestRef
from penstock_contracts.inner import (
    AnswerIgnored,
    AttemptScheduled,
    EpochGrown,
    HeadAdopted,
    StageGivenUp,
    StageReleased,
    StageSkipped,
    StallCleared,
    TimerFired,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowFinished,
    WorkflowOpened,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowSkipped,
    WorkflowStalled,
    WorkflowSuperseded,
)

__all__ = [
    "ANSWERS",
    "CONTROLS",
    "EPOCH",
    "FACTS",
    "INNER",
    "REQUESTS",
    "Answer",
    "AnswerIgnored",
    "AstCompleted",
    "AstRequested",
    "AttemptScheduled",
    "CommentsPublished",
    "CommentsRequested",
    "ConfigResolved",
    "DeadLettered",
    "EpochGrown",
    "Fact",
    "FilesReviewCompleted",
    "FilesReviewRequested",
    "HeadAdopted",
    "PrReceived",
    "PrReviewCompleted",
    "PrReviewRequested",
    "PrepareRequested",
    "PullRequestRef",
    "RepairRequested",
    "StageGivenUp",
    "StageReleased",
    "StageSkipped",
    "StallCleared",
    "TimerFired",
    "WorkflowCancelled",
    "WorkflowControl",
    "WorkflowFailed",
    "WorkflowFinished",
    "WorkflowOpened",
    "WorkflowPaused",
    "WorkflowResumed",
    "WorkflowSkipped",
    "WorkflowStalled",
    "WorkflowSuperseded",
]


# --- from outside -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PrReceived(Fact):
    """A platform, a reconciler or a poller says that something happened to a pull request. A hint, never the truth."""

    TYPE: ClassVar[str] = "pr.received"
    kind: PullRequestKind
    platform: str
    instance: str
    repository_id: str
    repository: str
    number: int
    delivery_id: str
    hint_head: str = ""
    hint_base_ref: str = ""
    title: str = ""
    author: str = ""
    sender: str = ""
    author_association: str = ""
    draft: bool = False
    command: str = ""
    command_argument: str = ""
    comment_id: str = ""
    sender_association: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowControl(Fact):
    """A person asks something of a run through the API."""

    TYPE: ClassVar[str] = "workflow.control"
    action: ControlAction
    run_id: str
    actor: str
    reason: str = ""
    stage: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class RepairRequested(Fact):
    """A person asks through the API that a stalled event is applied again or put aside, or has unblocked a stream. The
    envelope has the run, stage, part and attempt of the event."""

    TYPE: ClassVar[str] = "repair.requested"
    action: RepairAction
    actor: str
    reason: str = ""
    letter_id: str = ""
    event_id: str = ""
    event_type: str = ""


# --- stages: requests and answers -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PrepareRequested(Fact):
    """Read the head, the configuration and the change (B1-B6, B8)."""

    TYPE: ClassVar[str] = "prepare.requested"
    pull_request: PullRequestRef
    kind: PullRequestKind
    hint_head: str = ""
    command: str = ""
    command_argument: str = ""
    sender: str = ""
    full: bool = False
    reviewed_head: str = ""
    reviewed_base: str = ""
    missed_blob: str = ""


@dataclass(frozen=True, slots=True)
class StageTime:
    """One light stage inside prepare or the commenter."""

    name: str
    started_at: datetime
    duration: float
    outcome: str = "ok"


@dataclass(frozen=True, slots=True)
class Batch:
    """One part of the file review: its files and their changes lie in a blob."""

    index: int
    files: int
    blob: str


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A stage that configuration or the change does not need, and why."""

    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigResolved(Answer):
    """The reading: which head, which configuration, which files in which batches."""

    TYPE: ClassVar[str] = "config.resolved"
    head: str = ""
    base: str = ""
    base_ref: str = ""
    closed: bool = False
    title: str = ""
    author: str = ""
    config_blob: str = ""
    change_blob: str = ""
    manifest: tuple[Batch, ...] = ()
    manifest_hash: str = ""
    manifest_blob: str = ""
    unwanted: tuple[Unwanted, ...] = ()
    pending_comment: bool = True
    ast_wait: float = 10.0
    announce: bool = False
    stages: tuple[StageTime, ...] = ()


@dataclass(frozen=True, slots=True)
class AstRequested(Fact):
    """Analyse the syntax of the changed files (B9)."""

    TYPE: ClassVar[str] = "ast.requested"
    pull_request: PullRequestRef
    head: str
    base: str
    config_blob: str
    change_blob: str
    manifest_blob: str


@dataclass(frozen=True, slots=True)
class AstCompleted(Answer):
    TYPE: ClassVar[str] = "ast.completed"
    blob: str = ""
    symbols: int = 0
    findings: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model call cost."""

    model: str = ""
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class PrReviewRequested(Fact):
    """Review the pull request as a whole (B10)."""

    TYPE: ClassVar[str] = "pr.review.requested"
    pull_request: PullRequestRef
    head: str
    base: str
    config_blob: str
    change_blob: str
    manifest_blob: str


@dataclass(frozen=True, slots=True)
class PrReviewCompleted(Answer):
    TYPE: ClassVar[str] = "pr.review.completed"
    blob: str = ""
    findings: int = 0
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class FilesReviewRequested(Fact):
    """Review one batch of files (B11)."""

    TYPE: ClassVar[str] = "files.review.requested"
    pull_request: PullRequestRef
    head: str
    base: str
    config_blob: str
    batch: Batch
    ast_blob: str = ""


@dataclass(frozen=True, slots=True)
class FilesReviewCompleted(Answer):
    TYPE: ClassVar[str] = "files.review.completed"
    blob: str = ""
    findings: int = 0
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class ReviewPart:
    """How one part of the review ended, for the aggregate: ok, partial, failed, skipped or given_up."""

    stage: Stage
    part: str
    outcome: str
    blob: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CommentsRequested(Fact):
    """Say something on the pull request: the pending note, the review, or a closing (B7, B12-B17, G6)."""

    TYPE: ClassVar[str] = "comments.requested"
    pull_request: PullRequestRef
    kind: CommentsKind
    head: str
    base: str = ""
    config_blob: str = ""
    change_blob: str = ""
    manifest_blob: str = ""
    parts: tuple[ReviewPart, ...] = ()
    partial: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CommentsPublished(Answer):
    """What was said. `head` and `base` are those of the request; with `head_moved` the head that was found instead."""

    TYPE: ClassVar[str] = "comments.published"
    kind: CommentsKind = CommentsKind.REVIEW
    head: str = ""
    base: str = ""
    review_id: str = ""
    comments: int = 0
    silenced: int = 0
    verdict: str = ""
    url: str = ""
    missed_blob: str = ""
    stages: tuple[StageTime, ...] = ()


# --- dead letters -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeadLettered(Fact):
    """A record that could not be decoded or handled; its bytes lie in the dead_letters table under this id."""

    TYPE: ClassVar[str] = "dead.lettered"
    dead_letter_id: str
    consumer: str
    topic: str
    partition: int
    position: int
    reason: str
    error: str


REQUESTS: tuple[type[Fact], ...] = (
    PrepareRequested,
    AstRequested,
    PrReviewRequested,
    FilesReviewRequested,
    CommentsRequested,
)
ANSWERS: tuple[type[Answer], ...] = (
    ConfigResolved,
    AstCompleted,
    PrReviewCompleted,
    FilesReviewCompleted,
    CommentsPublished,
)
INNER: tuple[type[Fact], ...] = (
    WorkflowOpened,
    AttemptScheduled,
    HeadAdopted,
    EpochGrown,
    StageSkipped,
    StageReleased,
    StageGivenUp,
    WorkflowSuperseded,
    WorkflowCancelled,
    WorkflowSkipped,
    WorkflowFailed,
    WorkflowPaused,
    WorkflowResumed,
    AnswerIgnored,
    WorkflowStalled,
    StallCleared,
    WorkflowFinished,
)
CONTROLS: tuple[type[Fact], ...] = (WorkflowControl, RepairRequested)
FACTS: tuple[type[Fact], ...] = (PrReceived, *CONTROLS, *REQUESTS, *ANSWERS, *INNER, TimerFired, DeadLettered)
