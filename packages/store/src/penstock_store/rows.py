"""What is stored, as values. The tables are in tables.py, their words in docs/glossary.md."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from penstock_contracts.enums import ErrorClassification, ExecutionState, JobStatus, Stage, WorkflowType
from penstock_contracts.envelope import Headers
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_store.encoding import Packed


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it lay on the log: what a dead letter keeps."""

    topic: str
    partition: int
    position: int
    key: bytes | None
    headers: Headers
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event to apply, with the bytes it came from."""

    event: Event[Fact]
    record: RawRecord


class Verdict(StrEnum):
    """What became of a delivered event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALLED = "stalled"


TIMERS = "timers"
"""The consumer of timers that fired."""
OPEN_STATUSES = (JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.WAITING_FOR_EVENT)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of workflow_jobs: a run, or (with parent_id) a heavy stage of one."""

    id: str
    parent_id: str | None
    stream: str
    type: WorkflowType
    status: JobStatus
    outcome: str
    reason: str
    error_class: ErrorClassification | None
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
    subject: str = ""
    """Filled in by the store when read: what the pull request was called when the row was written."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A timer of a run that has asked for nothing yet, and whose run that is."""

    timer: "TimerRow"
    organisation: str
    repository: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """How many runs of a repository are under way, by what they wait for."""

    organisation: str
    repository: str
    waiting_for: str
    runs: int


@dataclass(frozen=True, slots=True)
class OpenJobs:
    """Jobs that are not over, of one type and status, and for how long the oldest of them exists."""

    type: WorkflowType
    status: JobStatus
    jobs: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the outbox, counted up to a limit, and for how long the oldest row has waited."""

    rows: int = 0
    age: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; what is empty does not matter. Repository and organisation are those of the subject,
    `waiting_for` a word of what is waited for, since ≤ created_at < until, `after` the last row of the page before."""

    status: str = ""
    type: str = ""
    stream: str = ""
    subject: str = ""
    repository: str = ""
    organisation: str = ""
    stage: str = ""
    waiting_for: str = ""
    correlation_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    after: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """A row of job_execution_history: one attempt of one part."""

    run_id: str
    stage: Stage
    part: str
    attempt: int
    state: ExecutionState
    outcome: str = ""
    error_class: ErrorClassification | None = None
    error: str = ""
    reason: str = ""
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    not_after: datetime | None = None
    started_at: datetime | None = None
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A moment the state of a stream waits for. That it fired is an event of the same id, which TIMERS hears."""

    id: str
    stream: str
    due: datetime
    kind: str
    run_id: str
    stage: str
    part: str
    attempt: int
    generation: int


@dataclass(frozen=True, slots=True)
class Projection:
    """The rows that follow from a state; apply writes the difference between the old and the new one."""

    jobs: tuple[JobRow, ...] = ()
    executions: tuple[ExecutionRow, ...] = ()
    timers: tuple[TimerRow, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamRow:
    stream: str
    subject: str
    state: bytes
    encoding: str
    fold_version: int
    sequence: int
    base: bytes = b""

    def packed(self) -> Packed:
        """The columns that the state lies in; see encoding.py."""
        return Packed(self.encoding, self.state, self.base)


@dataclass(frozen=True, slots=True)
class Refolded:
    """Whether the facts of a stream lead to its stored state again. `found` is empty where they do."""

    stream: str
    equal: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A record to be published. `id` grows within a stream; across streams its order is not commit order."""

    id: int
    stream: str
    topic: str
    key: str
    spread: int | None
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class NewOutboxRow:
    stream: str
    topic: str
    key: str
    spread: int | None
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do something alone until it expires. The fence grows with each new holder of the key."""

    key: str
    holder: str
    fence: int
    expires_at: datetime


class EffectKind(StrEnum):
    SUMMARY = "summary"
    STATUS = "status"
    REVIEW = "review"
    INLINE = "inline"


class EffectState(StrEnum):
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One thing to be done to a platform, once. `rank` orders writes of one id within an epoch (design: Effects)."""

    id: str
    stream: str
    run_id: str
    kind: EffectKind
    epoch: int
    rank: int
    state: EffectState
    digest: str = ""
    external_id: str = ""
    url: str = ""
    note: str = ""
    fence: int = 0
    sent_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    id: str
    consumer: str
    record: RawRecord
    stream: str
    run_id: str
    event_id: str
    event_type: str
    reason: str
    error: str
    remedy: str
    created_at: datetime | None = None
    resolved_at: datetime | None = None
    resolution: str = ""


class LetterState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters are wanted; what is empty does not matter. `after` is the last row of the page before."""

    state: LetterState = LetterState.OPEN
    stream: str = ""
    run_id: str = ""
    reason: str = ""
    event_type: str = ""
    topic: str = ""
    limit: int = 100
    after: str = ""


OPEN_LETTERS = LetterFilter()


@dataclass(frozen=True, slots=True)
class LogRow:
    """A record of the Postgres (or memory) log."""

    topic: str
    partition: int
    position: int
    key: bytes
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a log."""

    topic: str
    partition: int
    position: int


class Waste(StrEnum):
    """Rows that nobody needs any more after a time."""

    SENT = "outbox_messages"
    RECEIVED = "inbox_messages"
    DELIVERIES = "deliveries"
    LETTERS = "dead_letters"
    BLOBS = "blobs"
    LEASES = "leases"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went with the streams of a repository."""

    streams: int
    rows: int
    blobs: int
    messages: int
