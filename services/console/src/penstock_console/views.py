"""The shapes of the API's answers."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from penstock_contracts.enums import ErrorClassification, ExecutionState, JobStatus, RepairAction, Stage, WorkflowType
from penstock_store.texts import is_printable

UNSTORABLE = "it holds a control character or half a surrogate pair, which cannot be stored"


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class Job(_View):
    """A run, or with a parent one heavy stage of a run."""

    id: str
    parent_id: str | None
    type: WorkflowType
    status: JobStatus
    outcome: str
    reason: str
    error_class: ErrorClassification | None
    stream: str
    subject: str
    head: str
    base: str
    epoch: int
    stage: str
    waiting_for: str
    waiting_since: datetime | None
    waiting_until: datetime | None
    correlation_id: str
    created_at: datetime
    finished_at: datetime | None


class Stall(_View):
    """What keeps a run from going on, or has kept it, and waits for a person: a dead letter, or a blocked stream."""

    letter_id: str
    stream: str
    run_id: str
    event_id: str
    event_type: str
    stage: str
    error: str
    remedy: str
    since: datetime | None


class JobWithStages(Job):
    stages: list[Job]
    stalls: list[Stall]


class JobPage(_View):
    """Newest first. `next` is the `after` of the next page, or null."""

    jobs: list[Job]
    next: str | None


class Execution(_View):
    """One attempt of one part of a stage."""

    stage: Stage
    part: str
    attempt: int
    state: ExecutionState
    outcome: str
    error_class: ErrorClassification | None
    error: str
    reason: str
    asked_at: datetime | None
    started_at: datetime | None
    answered_at: datetime | None
    not_after: datetime | None
    duration: float


class History(_View):
    run_id: str
    history: list[Execution]


class Counts(_View):
    """What waits for a person: `stuck` are runs more than a minute past their deadline (at most 100 are counted), of
    which there should be none; blocked streams; open dead letters by reason; and the oldest of them with their
    remedies, those first that hold up a pull request. And how many jobs there are: of all runs by status, and of every
    type by status."""

    stuck: int
    blocked_streams: int
    dead_letters: dict[str, int]
    stalls: list[Stall]
    runs: dict[JobStatus, int]
    jobs: dict[WorkflowType, dict[JobStatus, int]]


class AskedFor(_View):
    """The wish is stored and on its way to the orchestrator, which decides; `new` is false for one sent before."""

    event_id: str
    run_id: str
    action: str
    actor: str
    new: bool


class DeadLetter(_View):
    """A record that could not be read, handled or applied. `stage` is that of its event."""

    id: str
    consumer: str
    topic: str
    stream: str
    run_id: str
    event_id: str
    event_type: str
    stage: str
    reason: str
    error: str
    remedy: str
    created_at: datetime | None
    resolved_at: datetime | None
    resolution: str


class DeadLetterPage(_View):
    """Oldest first. `next` is the `after` of the next page, or null."""

    dead_letters: list[DeadLetter]
    next: str | None


class Redrive(_View):
    """One try to apply a stalled event again; where it failed, why."""

    event_id: str
    actor: str
    asked_at: datetime
    error: str


class ShownLetter(DeadLetter):
    """With its headers, its event where it can be decoded, else in words why not, and every redrive of it."""

    partition: int
    position: int
    headers: dict[str, str]
    event: dict[str, Any] | None
    undecodable: str
    redrives: list[Redrive]


class BlockedStream(_View):
    """A stream of which Kafka refused a record: it and what follows it waits."""

    stream: str
    topic: str
    event_id: str
    event_type: str
    run_id: str
    stage: str
    error: str
    remedy: str


class BlockedStreams(_View):
    blocked_streams: list[BlockedStream]


class Repaired(_View):
    """What was asked of a dead letter or a blocked stream. `outcome` says what has become of it; it is empty while the
    orchestrator has to apply it, which the letter will tell."""

    action: RepairAction
    actor: str
    stream: str
    letter_id: str
    run_id: str
    event_id: str
    outcome: str
    new: bool


def _storable(text: object) -> object:
    if isinstance(text, str) and not is_printable(text):
        raise ValueError(UNSTORABLE)
    return text


_Said = Annotated[str, BeforeValidator(_storable)]


def _moment(written: str) -> datetime:
    """A bare number is no moment: 2030 would be half an hour after the beginning of 1970."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError("write 2030-01-31 or 2030-01-31T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""In a query: a date, or a date with a time, of UTC where it names no zone."""


class Given(BaseModel):
    reason: _Said = Field(default="", max_length=500)


class Reason(BaseModel):
    """Discarding is for good, so it has to be said why."""

    reason: _Said = Field(min_length=1, max_length=500)


class Wanted(BaseModel):
    """What may be said with a wish; `stage` and `part` are read by retry alone."""

    reason: _Said = Field(default="", max_length=500)
    stage: _Said = Field(default="", max_length=40)
    part: _Said = Field(default="", max_length=40)


class ForgottenEntries(_View):
    """How many entries of the cache were forgotten, and for whom; of the two names one is empty."""

    organisation: str
    repository: str
    entries: int
    actor: str
