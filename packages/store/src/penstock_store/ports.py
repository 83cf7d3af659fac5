"""The Store port. Every protocol here has a memory and a Postgres adapter that pass one suite (tests/suites).

Any method may raise StoreUnavailable, and then has done nothing or, where the connection broke during a commit, all of
it: every write is idempotent, so doing it again is right in both cases. None of them sleeps or retries.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.schemas import Schema
from penstock_store.cache import Cache
from penstock_store.effects import Effects
from penstock_store.hints import Hints
from penstock_store.listening import Listener
from penstock_store.restoring import Restoring
from penstock_store.rows import (
    OPEN_LETTERS,
    Backlog,
    DeadLetterRow,
    Delivered,
    ExecutionRow,
    Forgotten,
    JobFilter,
    JobRow,
    Lease,
    LetterFilter,
    LogRow,
    NewOutboxRow,
    OpenJobs,
    OutboxRow,
    Pending,
    Place,
    Projection,
    Refolded,
    StreamRow,
    TimerRow,
    UnderWay,
    Verdict,
    Waste,
)
from penstock_store.spending import Spending

S = TypeVar("S")
LEASE_TTL = timedelta(minutes=5)


class Fold(Protocol[S]):
    """The pure heart of the orchestrator, handed to `apply`. No method does input or output."""

    version: int

    def initial(self, stream: str) -> S: ...

    def decide(self, state: S, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        """The facts to store, in order, with contiguous sequence numbers that follow the state's."""
        ...

    def evolve(self, state: S, stored: Event[Fact]) -> S: ...

    def stall(self, state: S, event: Event[Fact], error: str, remedy: str, now: datetime) -> Sequence[Event[Fact]]:
        """Total: the facts that say this event could not be applied. Must not raise."""
        ...

    def project(self, state: S, other: S | None = None) -> Projection:
        """The rows that follow from a state. With the one before or after it, rows that are the same for both may be
        left out, from both."""
        ...

    def sequence(self, state: S) -> int: ...

    def subject(self, state: S) -> str: ...

    def encode(self, state: S) -> bytes: ...

    def decode(self, data: bytes) -> S: ...


class Streams(Protocol):
    """The truth: nothing else writes a stream."""

    async def apply(self, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]) -> Sequence[Verdict]:
        """Applies events in order, one transaction for the batch; a failure of the batch falls back to one by one.

        Steps per event: (1) insert the stream if missing, and lock it, streams in key order; (2) inbox, a known id is
        DUPLICATE; (3) decide; (4) evolve; (5) facts, state, rows, timers, outbox. `now` is the store's clock after the
        lock. A stored state of another fold version is folded again from its facts first. decide or evolve raising,
        or a database error that belongs to one event alone, gives STALLED: workflow.stalled is stored, the bytes are a
        dead letter (with its outbox row for the dlq), the inbox says stalled.
        """
        ...

    async def stall(self, consumer: str, delivered: Delivered, fold: Fold[S], error: str, remedy: str) -> Verdict:
        """The same fallback for an event that must not be applied, such as poison. DUPLICATE where it is known."""
        ...

    async def redrive(self, consumer: str, request: Delivered, fold: Fold[S]) -> Verdict:
        """Applies a repair.requested and, in the same transaction, the stalled event that it names: the inbox then says
        applied of both, and the letter is resolved. STALLED: it failed again, which the stream says anew and the letter
        tells with the new error. DUPLICATE: this request was carried out before. Raises NotRedrivable where no event is
        stalled any more; then nothing has changed."""
        ...

    async def refold(self, stream: str, fold: Fold[S]) -> Refolded:
        """A check: do the facts lead to the stored state? Changes nothing."""
        ...

    async def refold_all(self, fold: Fold[S]) -> Sequence[Refolded]:
        """The streams whose facts do not lead to their stored state."""
        ...

    async def mend(self, stream: str, fold: Fold[S]) -> bool:
        """Folds a stream again and writes its state, its rows and its timers anew, as its facts say. A timer that
        stands has not acted, so it is heard again though it fired before, unless it stalled and its letter is open.
        False: that cannot be done, and nothing has changed."""
        ...

    async def load(self, stream: str) -> StreamRow | None:
        """None for a stream without facts."""
        ...

    async def facts(self, stream: str, after: int = 0) -> Sequence[Event[Fact]]: ...

    async def names(self, after: str = "", limit: int = 500) -> Sequence[str]: ...

    def subscribe(self, listener: Listener) -> None:
        """It is called with the facts of each transaction that this process has committed, in their order, and once. A
        crash right after a commit leaves it untold: it is for counting and logging. It must not raise, nor wait."""
        ...


class Receipts(Protocol):
    """What ingest does: durable before it is answered."""

    async def receive(self, event_id: str, row: NewOutboxRow) -> bool:
        """Inbox (consumer `ingest`) and outbox in one transaction. False: this id was received before."""
        ...


class Outbox(Protocol):
    async def put(self, rows: Sequence[NewOutboxRow]) -> None: ...

    async def unsent(self, shards: Sequence[int], limit: int, apart_from: Collection[int] = ()) -> Sequence[OutboxRow]:
        """Unsent rows in id order, without those of streams that have a blocked row, and without these."""
        ...

    async def mark_sent(self, ids: Sequence[int], *leases: Lease) -> None:
        """Raises FenceLost, of one of them, when not every lease is held any more; then nothing is marked."""
        ...

    async def publish(self, rows: Sequence[OutboxRow], partitions: Mapping[str, int], lease: Lease) -> None:
        """Into the log table: positions are given and the rows marked in one transaction that checks the fence."""
        ...

    async def block(self, row_id: int, error: str, lease: Lease) -> None:
        """A row the log refuses for good: its stream stops being published until it is unblocked."""
        ...

    async def unblock(self, stream: str, said: Sequence[NewOutboxRow] = ()) -> int:
        """How many rows were blocked; where there were any, what is `said` of it is put behind them."""
        ...

    async def blocked(self, limit: int = 100, stream: str = "") -> Sequence[tuple[OutboxRow, str]]:
        """Rows that the log refused, with its reason; of one stream, or of all."""
        ...

    async def backlog(self, limit: int = 100_000) -> Backlog: ...


class LogTable(Protocol):
    """The table below the Postgres log."""

    async def read(self, places: Sequence[Place], limit: int) -> Sequence[LogRow]:
        """Records from these places on (position inclusive), in order per partition, at most `limit` in all."""
        ...

    async def positions(self, group: str) -> Sequence[Place]: ...

    async def ends(self, topics: Sequence[str]) -> Sequence[Place]:
        """Where the next record of each partition will be; those that never had one are left out."""
        ...

    async def move(self, group: str, places: Sequence[Place], lease: Lease) -> None:
        """Where the group will read next. Raises FenceLost when the lease is not held any more."""
        ...


class Timers(Protocol):
    async def due(self, limit: int) -> Sequence[TimerRow]:
        """Timers due by the store's clock, oldest first, not locked."""
        ...

    async def next_due(self) -> datetime | None: ...


class Leases(Protocol):
    """The one kind of lock. Who does not get it leaves the work to the holder; who gets it reads again what is to be
    done before doing it, since another may have done it; and whoever writes under it hands it to the write, which
    compares the fence."""

    async def acquire(self, key: str, holder: str, ttl: timedelta = LEASE_TTL) -> Lease | None:
        """None: somebody else holds it. The same holder gets it again, with a new fence."""
        ...

    async def renew(self, lease: Lease, ttl: timedelta) -> Lease | None:
        """None: it was lost, also by expiry alone. The fence stays."""
        ...

    async def release(self, lease: Lease) -> None:
        """By the holder only; a lost lease is left alone."""
        ...

    async def is_locked(self, key: str) -> bool:
        """Safe: a store that cannot be asked says locked."""
        ...


class Executions(Protocol):
    async def still_wanted(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        """One indexed read of job_execution_history: is this attempt asked for and still open?"""
        ...


class Jobs(Protocol):
    """What the console and the command line read."""

    async def job(self, job_id: str) -> JobRow | None: ...

    async def jobs(self, wanted: JobFilter) -> Sequence[JobRow]:
        """Newest first."""
        ...

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """How many jobs there are by type and status."""
        ...

    async def open(self) -> Sequence[OpenJobs]:
        """By type and status, which may be asked for often: jobs that are over cost nothing here."""
        ...

    async def stuck(self, grace: timedelta, limit: int = 100, after: str = "") -> Sequence[JobRow]:
        """Open runs that wait for a moment which passed more than `grace` ago, or which no timer will tell them of, in
        the order of their ids, from behind `after` on. None of them should be."""
        ...

    async def children(self, job_id: str) -> Sequence[JobRow]: ...

    async def history(self, run_id: str) -> Sequence[ExecutionRow]: ...

    async def subject(self, stream: str) -> str: ...

    async def pending(self, limit: int) -> Sequence[Pending]:
        """Timers of the runs that are PENDING, of each repository its `limit` oldest; the oldest first."""
        ...

    async def under_way(self) -> Sequence[UnderWay]:
        """Runs that are PROCESSING or WAITING_FOR_EVENT, without their stages."""
        ...


class Deliveries(Protocol):
    """How often a record was handed to a handler: a suspect kills its process."""

    async def count(self, consumer: str, places: Sequence[Place]) -> Mapping[Place, int]:
        """Adds one to each and answers the new counts."""
        ...

    async def forget(self, consumer: str, places: Sequence[Place]) -> None: ...

    async def take_back(self, consumer: str, places: Sequence[Place]) -> None:
        """An orderly end: the record was not handled after all."""
        ...


class DeadLetters(Protocol):
    async def put(self, letter: DeadLetterRow, outbox: Sequence[NewOutboxRow]) -> None:
        """The letter and what is said of it, in one transaction. A letter with a known id changes nothing."""
        ...

    async def get(self, letter_id: str) -> DeadLetterRow | None: ...

    async def letters(self, wanted: LetterFilter = OPEN_LETTERS) -> Sequence[DeadLetterRow]:
        """Oldest first."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """How many are open, by reason."""
        ...

    async def settle(self, letter_id: str, resolution: str, said: Sequence[NewOutboxRow] = ()) -> bool:
        """Resolves an open letter, with what is said of it. False: it was not open, and nothing is said."""
        ...


class Blobs(Protocol):
    """Claim check: content by its SHA-256 (hex)."""

    async def put(self, data: bytes) -> str: ...

    async def get(self, blob: str) -> bytes:
        """Raises BlobMissing."""
        ...


class Schemas(Protocol):
    async def upsert(self, schemas: Sequence[Schema]) -> None: ...

    async def text(self, schema_id: int) -> str | None: ...


class Retention(Protocol):
    """Takes away what nobody needs any more. Each call is one transaction; it answers how many rows, or streams, went:
    fewer than `limit`, and nothing more is due."""

    async def sweep(self, waste: Waste, before: datetime, limit: int) -> int:
        """Sent, received, first delivered, resolved, last used, expired before this moment. What is unsent, stalled or
        unresolved stays."""
        ...

    async def sweep_log(self, topic: str, before: datetime, limit: int) -> int:
        """Records of the log table that are older and that every group is past which ever read of their topic. Where no
        group ever did, none: they wait for one, unless they are on a topic that nobody has to hear."""
        ...

    async def sweep_streams(self, before: datetime, limit: int) -> int:
        """Pull requests on which nothing happened since, and nothing is open: their facts, jobs, effects, all of it."""
        ...

    async def streams_of(self, repository: str) -> Sequence[str]:
        """The streams of a repository, by any name that it had on a run."""
        ...

    async def forget(self, streams: Sequence[str]) -> Forgotten:
        """All that is stored about them, with the blobs that nobody else refers to. What is accepted meanwhile stays.
        Raises StillOpen, NotYetApplied."""
        ...


class Store(Protocol):
    """All rooms of the store, on one connection pool."""

    streams: Streams
    receipts: Receipts
    outbox: Outbox
    log: LogTable
    timers: Timers
    leases: Leases
    executions: Executions
    jobs: Jobs
    deliveries: Deliveries
    dead_letters: DeadLetters
    blobs: Blobs
    effects: Effects
    cache: Cache
    spending: Spending
    schemas: Schemas
    restoring: Restoring
    hints: Hints
    retention: Retention | None
    """None: what is kept ends with the process."""

    async def now(self) -> datetime:
        """The store's clock: the one that leases, timers and effects are compared with."""
        ...

    async def check(self) -> None:
        """For readiness: raises when the store cannot be used."""
        ...

    async def close(self) -> None: ...
