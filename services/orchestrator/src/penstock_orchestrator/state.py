"""The state of a stream: what its facts add up to.

Structs of msgspec rather than dataclasses: they are frozen too, and a state is built, copied and stored at every event.
Mappings inside are never changed in place.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from penstock_contracts.enums import (
    CLOSINGS,
    CommentsKind,
    ErrorClassification,
    PullRequestKind,
    RunOutcome,
    Stage,
)
from penstock_contracts.facts import Batch, PullRequestRef

REREAD = "reread"
TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""Who may give commands, as the platform calls their relation to the repository."""
HEAVY = (Stage.AST, Stage.PR_REVIEW, Stage.FILES_REVIEW)


class PartState(StrEnum):
    """OPEN: asked, no answer yet. WAITING: will be asked (again) at `due`. The others are final."""

    OPEN = "open"
    WAITING = "waiting"
    DONE = "done"
    GIVEN_UP = "given_up"
    WITHDRAWN = "withdrawn"
    SKIPPED = "skipped"


RESOLVED = frozenset({PartState.DONE, PartState.GIVEN_UP, PartState.WITHDRAWN, PartState.SKIPPED})


class Phase(StrEnum):
    PREPARING = "preparing"
    REVIEWING = "reviewing"
    PUBLISHING = "publishing"
    CLOSING = "closing"
    FINISHED = "finished"


class TimerKind(StrEnum):
    """ATTEMPT: ask again. DEADLINE: give the part up. ANALYSIS_WAIT: review the files without the analysis.
    RUN: give up what is open and publish the rest. PAUSE: cancel what nobody resumed."""

    ATTEMPT = "attempt"
    DEADLINE = "deadline"
    ANALYSIS_WAIT = "analysis_wait"
    RUN = "run"
    PAUSE = "pause"


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a stage: its current attempt, and by which attempt it was completed."""

    stage: Stage
    part: str
    state: PartState
    attempt: int = 0
    asked_at: datetime | None = None
    not_after: datetime | None = None
    due: datetime | None = None
    answered_at: datetime | None = None
    completed_by: int = 0
    withdrawn_attempt: int = 0
    outcome: str = ""
    error_class: ErrorClassification | None = None
    error: str = ""
    reason: str = ""
    blob: str = ""
    started_at: datetime | None = None
    duration: float = 0.0

    @property
    def resolved(self) -> bool:
        return self.state in RESOLVED


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """A review of one head: a workflow, a job."""

    id: str
    cause_id: str
    kind: PullRequestKind
    correlation_id: str
    opened_at: datetime
    due: datetime
    phase: Phase = Phase.PREPARING
    hint_head: str = ""
    told: int = 0
    """The sequence number of what named this head last, or opened the run."""
    sender: str = ""
    command: str = ""
    command_argument: str = ""
    forced: bool = False
    full: bool = False
    paused_at: datetime | None = None
    epoch: int = 0
    head: str = ""
    base: str = ""
    config_blob: str = ""
    change_blob: str = ""
    manifest_blob: str = ""
    manifest: tuple[Batch, ...] = ()
    pending_comment: bool = False
    announce: bool = False
    ast_wait: float = 10.0
    analysis_asked_at: datetime | None = None
    released: bool = False
    parts: dict[str, Part] = {}
    outcome: RunOutcome | None = None
    reason: str = ""
    error_class: ErrorClassification | None = None
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        return self.phase is Phase.FINISHED

    @property
    def ending(self) -> bool:
        """Its outcome is decided; at most a closing is still to be said."""
        return self.phase in (Phase.CLOSING, Phase.FINISHED)

    @property
    def unread(self) -> bool:
        """It waits for the moment at which the pull request is read first."""
        part = self.part(Stage.PREPARE)
        return part is not None and part.state is PartState.WAITING and part.attempt == 0

    @property
    def adopted(self) -> bool:
        """It has a head to review, which is not what was read while the platform lagged behind its webhook."""
        return self.epoch > 0

    @property
    def unread_head(self) -> str:
        """Of a run that failed before it had a head to review: the one that its webhook named."""
        return self.hint_head if self.outcome is RunOutcome.FAILED and not self.adopted else ""

    @property
    def past_prepare(self) -> bool:
        return self.phase in (Phase.REVIEWING, Phase.PUBLISHING)

    @property
    def said_something(self) -> bool:
        return any(part.stage is Stage.COMMENTS for part in self.parts.values())

    def part(self, stage: Stage, part: str = "") -> Part | None:
        return self.parts.get(part_key(stage, part))

    def of_stage(self, stage: Stage) -> Iterator[Part]:
        return (part for part in self.parts.values() if part.stage is stage)

    def closing(self) -> Part | None:
        return next((part for part in self.of_stage(Stage.COMMENTS) if part.part in CLOSINGS), None)

    def review(self) -> Part | None:
        return self.part(Stage.COMMENTS, CommentsKind.REVIEW)


class Reviewed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A head that was reviewed, and what a partial review missed."""

    head: str
    base: str
    run_id: str
    outcome: RunOutcome
    epoch: int
    missed_blob: str = ""


class StreamState(msgspec.Struct, frozen=True, omit_defaults=True):
    stream: str
    sequence: int = 0
    subject: str = ""
    pull_request: PullRequestRef | None = None
    epoch: int = 0
    automatic_paused: bool = False
    pushed: str = ""
    """The head that was told last while automatic reviews were paused."""
    reopened: bool = False
    """Since it was closed last, as far as webhooks told, which come in any order."""
    ready: bool = False
    base_ref: str = ""
    """No draft, and where it is to go, as webhooks told last."""
    runs: dict[str, Run] = {}
    reviewed: tuple[Reviewed, ...] = ()
    ended: tuple[str, ...] = ()
    seen_heads: tuple[str, ...] = ()
    stalled: tuple[str, ...] = ()

    def open_runs(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs.values() if not run.finished)


def part_key(stage: Stage, part: str = "") -> str:
    return f"{stage}:{part}"


def remember(known: tuple[str, ...], new: str, limit: int = 100) -> tuple[str, ...]:
    """A bounded memory without doubles, newest last."""
    return known if not new or new in known else (*known, new)[-limit:]
