"""What a transaction of `apply` writes, as values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from penstock_contracts.codec import Codec
from penstock_contracts.envelope import Headers
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Fact,
    PrReceived,
    RepairRequested,
    WorkflowCancelled,
    WorkflowControl,
    WorkflowPaused,
    WorkflowResumed,
)
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.routing import Route, events_route, route
from penstock_store.rows import DeadLetterRow, ExecutionRow, JobRow, NewOutboxRow, Projection, StreamRow, TimerRow

K = TypeVar("K")
R = TypeVar("R")
ExecutionKey = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A row of `facts`: the bytes as they travel, and the columns that are asked for by SQL."""

    stream: str
    sequence: int
    event_id: str
    type: str
    run_id: str
    causation_id: str
    correlation_id: str
    actor: str
    time: datetime
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class Difference(Generic[K, R]):
    """What turns the rows of one projection into those of the next."""

    put: dict[K, R]
    gone: frozenset[K]


@dataclass(slots=True)
class Changes:
    """Everything one transaction writes. Later rows of the same key replace earlier ones."""

    states: dict[str, StreamRow] = field(default_factory=dict)
    bases_kept: set[str] = field(default_factory=set)
    """Streams whose base is stored already."""
    facts: list[StoredFact] = field(default_factory=list)
    events: list[Event[Fact]] = field(default_factory=list)
    """The same facts as they were before they were encoded."""
    jobs: dict[str, JobRow] = field(default_factory=dict)
    executions: dict[ExecutionKey, ExecutionRow] = field(default_factory=dict)
    timers: dict[str, TimerRow] = field(default_factory=dict)
    timers_gone: set[str] = field(default_factory=set)
    timers_reset: set[str] = field(default_factory=set)
    """Streams of which every stored timer goes before `timers` are put."""
    outbox: list[NewOutboxRow] = field(default_factory=list)
    letters: list[DeadLetterRow] = field(default_factory=list)

    def project(self, old: Projection, new: Projection) -> None:
        """Rows of jobs and executions that a state no longer mentions stay: they are history. Timers go."""
        if old is new:
            return
        self.jobs.update(difference(_jobs(old), _jobs(new)).put)
        self.executions.update(difference(_executions(old), _executions(new)).put)
        timers = difference(_timers(old), _timers(new))
        self.timers_gone -= timers.put.keys()
        self.timers.update(timers.put)
        for timer_id in timers.gone:
            self.drop_timer(timer_id)

    def drop_timer(self, timer_id: str) -> None:
        self.timers.pop(timer_id, None)
        self.timers_gone.add(timer_id)

    def store(self, event: Event[Fact], codec: Codec) -> None:
        """The row of a fact, its record on workflow.events, and where it is a request the one its service reads."""
        envelope = event.envelope
        encoded = codec.encode(event)
        self.events.append(event)
        self.facts.append(
            StoredFact(
                stream=envelope.stream,
                sequence=envelope.sequence,
                event_id=envelope.id,
                type=envelope.type,
                run_id=envelope.workflow_id,
                causation_id=envelope.causation_id,
                correlation_id=envelope.correlation_id,
                actor=actor_of(event.fact),
                time=envelope.time,
                headers=encoded.headers,
                value=encoded.value,
            )
        )
        if envelope.type in STAGE_OF_REQUEST:
            self.outbox.append(outbox_row(envelope.stream, route(envelope), encoded.headers, encoded.value))
        self.outbox.append(outbox_row(envelope.stream, events_route(envelope), encoded.headers, encoded.value))


def outbox_row(stream: str, to: Route, headers: Headers, value: bytes) -> NewOutboxRow:
    return NewOutboxRow(stream=stream, topic=to.topic, key=to.key, spread=to.spread, headers=headers, value=value)


def actor_of(fact: Fact) -> str:
    """Who did it, where a person did: the audit column."""
    if isinstance(fact, WorkflowControl | RepairRequested | WorkflowCancelled | WorkflowPaused | WorkflowResumed):
        return fact.actor
    return fact.sender if isinstance(fact, PrReceived) else ""


def execution_key(row: ExecutionRow) -> ExecutionKey:
    return (row.run_id, row.stage, row.part, row.attempt)


def difference(old: dict[K, R], new: dict[K, R]) -> Difference[K, R]:
    put = {key: row for key, row in new.items() if old.get(key) != row}
    return Difference(put, frozenset(old.keys() - new.keys()))


def _jobs(projection: Projection) -> dict[str, JobRow]:
    return {row.id: row for row in projection.jobs}


def _executions(projection: Projection) -> dict[ExecutionKey, ExecutionRow]:
    return {execution_key(row): row for row in projection.executions}


def _timers(projection: Projection) -> dict[str, TimerRow]:
    return {row.id: row for row in projection.timers}
