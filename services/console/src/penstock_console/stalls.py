"""What keeps runs from going on, from rows of the store to the API's answers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_console import views
from penstock_console.decide import Stuck
from penstock_contracts.envelope import Headers, from_headers
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, RepairRequested, WorkflowStalled
from penstock_contracts.flow import STAGE_OF_ANSWER, STAGE_OF_REQUEST
from penstock_contracts.weight import weight_of
from penstock_store.letters import STALLED
from penstock_store.rows import DeadLetterRow, JobRow, OutboxRow

Blocked = tuple[OutboxRow, str]
"""A row that the log refused, and why."""


def letter(row: DeadLetterRow) -> views.DeadLetter:
    return views.DeadLetter(**_facts_of(row))


def shown(row: DeadLetterRow, event: "Read", redrives: Sequence[views.Redrive]) -> views.ShownLetter:
    record = row.record
    return views.ShownLetter(
        **_facts_of(row),
        partition=record.partition,
        position=record.position,
        headers={name: value.decode(errors="backslashreplace") for name, value in record.headers},
        event=event.fact,
        undecodable=event.why_not,
        redrives=list(redrives),
    )


@dataclass(frozen=True, slots=True)
class Read:
    """The event of a letter as far as it can be read."""

    fact: dict[str, object] | None
    why_not: str = ""


def redrives(letter_id: str, facts: Iterable[Event[Fact]]) -> Sequence[views.Redrive]:
    """From the facts of its stream: a request, followed at once by the stall where it failed again."""
    found: list[views.Redrive] = []
    last: RepairRequested | None = None
    for stored in facts:
        fact = stored.fact
        if isinstance(fact, RepairRequested) and fact.letter_id == letter_id:
            asked = stored.envelope
            found.append(views.Redrive(event_id=asked.id, actor=fact.actor, asked_at=asked.time, error=""))
        elif isinstance(fact, WorkflowStalled) and last is not None and fact.event_id == last.event_id:
            found[-1] = found[-1].model_copy(update={"error": fact.error})
        last = fact if isinstance(fact, RepairRequested) and fact.letter_id == letter_id else None
    return found


def of_letter(row: DeadLetterRow) -> views.Stall:
    return views.Stall(
        letter_id=row.id,
        stream=row.stream,
        run_id=row.run_id,
        event_id=row.event_id,
        event_type=row.event_type,
        stage=stage_of(row.record.headers, row.event_type),
        error=row.error,
        remedy=row.remedy,
        since=row.created_at,
    )


def of_blocked(blocked: Blocked) -> views.Stall:
    told = blocked_stream(blocked)
    return views.Stall(letter_id="", since=None, **told.model_dump(exclude={"topic"}))


def blocked_stream(blocked: Blocked) -> views.BlockedStream:
    row, error = blocked
    headers, size = text_of(row.headers), weight_of(row.key, row.headers, row.value)
    return views.BlockedStream(
        stream=row.stream,
        topic=row.topic,
        event_id=headers.get("ce_id", ""),
        event_type=headers.get("ce_type", ""),
        run_id=headers.get("ce_workflowid", ""),
        stage=stage_of(row.headers, headers.get("ce_type", "")),
        error=error,
        remedy=f"let Kafka take it: {row.topic} has to be there (`penstock topics` creates it) and to take records of "
        f"{size} bytes (max.message.bytes); then: `penstock dlq unblock {row.stream}`",
    )


def of_run(run: JobRow, letters: Sequence[DeadLetterRow], blocked: Sequence[Blocked]) -> list[views.Stall]:
    """An open run waits for everything that is stuck in its stream; one that is over is told its own letters."""
    mine = [row for row in letters if row.run_id == run.id or (run.finished_at is None and row.reason == STALLED)]
    stuck = [of_blocked(one) for one in blocked] if run.finished_at is None else []
    return [*map(of_letter, mine), *stuck]


def stuck_at(row: DeadLetterRow) -> Stuck:
    """Of a stalled event. Raises BadEnvelope, which none does that was stored by this version."""
    envelope = from_headers(row.record.headers)
    return Stuck(
        stream=row.stream,
        subject=envelope.subject,
        run_id=row.run_id,
        stage=envelope.stage,
        part=envelope.part,
        attempt=envelope.attempt,
        correlation_id=envelope.correlation_id,
        letter_id=row.id,
        event_id=row.event_id,
        event_type=row.event_type,
    )


def stage_of(headers: Headers, event_type: str) -> str:
    """As the envelope says, else as the flow table does."""
    row = STAGE_OF_REQUEST.get(event_type) or STAGE_OF_ANSWER.get(event_type)
    return text_of(headers).get("ce_stage", "") or (row.stage.value if row else "")


def text_of(headers: Headers) -> Mapping[str, str]:
    return {name: value.decode(errors="replace") for name, value in headers}


def _facts_of(row: DeadLetterRow) -> dict[str, Any]:
    names = set(views.DeadLetter.model_fields) - {"topic", "stage"}
    told = {name: getattr(row, name) for name in names}
    return {**told, "topic": row.record.topic, "stage": stage_of(row.record.headers, row.event_type)}
