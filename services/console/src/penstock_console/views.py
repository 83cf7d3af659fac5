"""The shapes of the API's answers."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from penstock_contracts.enums import ErrorClassification, ExecutionState, JobStatus, Stage, WorkflowType


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


class JobWithStages(Job):
    stages: list[Job]


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
    """How many jobs there are: of all runs by status, and of every type by status."""

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
    id: str
    consumer: str
    stream: str
    run_id: str
    event_id: str
    event_type: str
    reason: str
    error: str
    remedy: str
    created_at: datetime | None


class DeadLetters(_View):
    dead_letters: list[DeadLetter]


class Wanted(BaseModel):
    """What may be said with a wish; `stage` and `part` are read by retry alone."""

    reason: str = Field(default="", max_length=500)
    stage: str = Field(default="", max_length=40)
    part: str = Field(default="", max_length=40)
