"""The tables of the memory store, and their transactions: all of it, or, when anything is raised, nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from penstock_contracts.schemas import Schema
from penstock_runtime.clock import Clock
from penstock_store.changes import ExecutionKey, StoredFact
from penstock_store.errors import FenceLost, StoreUnavailable
from penstock_store.hints import Hint, LocalHints
from penstock_store.memory.entries import CacheEntry, SpentCall
from penstock_store.rows import (
    DeadLetterRow,
    EffectRow,
    ExecutionRow,
    JobRow,
    Lease,
    LogRow,
    NewOutboxRow,
    OutboxRow,
    StreamRow,
    TimerRow,
)
from penstock_store.spending import Reservation

K = TypeVar("K")
R = TypeVar("R")
Partition = tuple[str, int]


@dataclass(slots=True)
class Tables:
    """Keys are what the primary keys are in Postgres."""

    clock: Clock
    hints: LocalHints = field(default_factory=LocalHints)
    available: bool = True
    streams: dict[str, StreamRow] = field(default_factory=dict)
    facts: dict[str, list[StoredFact]] = field(default_factory=dict)
    jobs: dict[str, JobRow] = field(default_factory=dict)
    executions: dict[ExecutionKey, ExecutionRow] = field(default_factory=dict)
    inbox: dict[tuple[str, str], str] = field(default_factory=dict)
    outbox: dict[int, OutboxRow] = field(default_factory=dict)
    unsent: dict[int, datetime] = field(default_factory=dict)
    blocked: dict[int, str] = field(default_factory=dict)
    deliveries: dict[tuple[str, str, int, int], int] = field(default_factory=dict)
    letters: dict[str, DeadLetterRow] = field(default_factory=dict)
    timers: dict[str, TimerRow] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    effects: dict[str, EffectRow] = field(default_factory=dict)
    marker_key: dict[int, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    cache: dict[tuple[str, str], CacheEntry] = field(default_factory=dict)
    spending: dict[Reservation, SpentCall] = field(default_factory=dict)
    log: dict[Partition, list[LogRow]] = field(default_factory=dict)
    log_positions: dict[tuple[str, str, int], int] = field(default_factory=dict)
    schemas: dict[int, Schema] = field(default_factory=dict)
    restorations: dict[datetime, datetime | None] = field(default_factory=dict)
    last_outbox_id: int = 0

    def now(self) -> datetime:
        return self.clock.now()

    def ask(self) -> None:
        """To be called first by whatever reads."""
        if not self.available:
            raise StoreUnavailable("the memory store was told to be away")

    @contextmanager
    def transaction(self) -> "Iterator[Transaction]":
        """Nothing inside may await: that is what isolates transactions from each other."""
        self.ask()
        transaction = Transaction(self)
        try:
            yield transaction
        except BaseException:
            transaction.undo()
            raise
        for hint in transaction.hints():
            self.hints.give(hint)

    def lease_held(self, lease: Lease) -> bool:
        known = self.leases.get(lease.key)
        return (
            known is not None
            and (known.holder, known.fence) == (lease.holder, lease.fence)
            and known.expires_at > self.now()
        )

    def check_fence(self, lease: Lease) -> None:
        if not self.lease_held(lease):
            raise FenceLost(lease.key, lease.fence)


class Transaction:
    """Writes at once and remembers how to undo it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._undo: list[Callable[[], object]] = []
        self._written: dict[Hint, None] = {}

    def put(self, table: dict[K, R], key: K, row: R) -> None:
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = row
        self._hint(table)

    def drop(self, table: dict[K, R], key: K) -> bool:
        if key not in table:
            return False
        before = table.pop(key)
        self._undo.append(lambda: table.__setitem__(key, before))  # to the end: whoever needs an order sorts
        return True

    def add(self, table: dict[K, list[R]], key: K, row: R) -> None:
        """To the end of the rows of a key."""
        rows = table.setdefault(key, [])
        rows.append(row)
        self._undo.append(rows.pop)
        self._hint(table)

    def publish(self, row: NewOutboxRow) -> None:
        tables = self._tables
        tables.last_outbox_id += 1
        row_id = tables.last_outbox_id
        self.put(
            tables.outbox,
            row_id,
            OutboxRow(row_id, row.stream, row.topic, row.key, row.spread, row.headers, row.value),
        )
        self.put(tables.unsent, row_id, tables.now())

    def undo(self) -> None:
        for step in reversed(self._undo):
            step()

    def _hint(self, table: object) -> None:
        tables = self._tables
        if table is tables.unsent:
            self._written[Hint.OUTBOX] = None
        elif table is tables.timers:
            self._written[Hint.TIMERS] = None

    def hints(self) -> tuple[Hint, ...]:
        return tuple(self._written)
