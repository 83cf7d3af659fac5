"""Dead letters of events that could not be applied, and what is said of them on penstock.dlq."""

from dataclasses import dataclass, replace
from datetime import datetime

from penstock_contracts.codec import Codec
from penstock_contracts.envelope import Envelope, from_headers
from penstock_contracts.event import Event
from penstock_contracts.facts import DeadLettered, Fact
from penstock_contracts.flow import DLQ_TOPIC
from penstock_contracts.ids import deterministic_id
from penstock_store.rows import DeadLetterRow, Delivered, NewOutboxRow

STALLED = "stalled"
SOURCE = "penstock/store"
_LONGEST_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an event was not applied, and what to do."""

    error: str
    remedy: str


def letter_id(consumer: str, event_id: str) -> str:
    return deterministic_id("dead letter", consumer, event_id)


def redrive_remedy(letter: str) -> str:
    return f"correct the cause, then: `penstock dlq redrive {letter}`"


def stalled_by(letter: DeadLetterRow) -> Event[Fact]:
    """The event of a letter where only its envelope can be read: enough to say of its stream that it stalls."""
    record = letter.record
    place = (record.topic, record.partition, record.position)
    return Event(
        from_headers(record.headers), DeadLettered(letter.id, letter.consumer, *place, letter.reason, letter.error)
    )


def describe(error: BaseException) -> str:
    """Text that every column and every schema takes, whatever the error says."""
    said = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
    return said.replace("\0", " ").encode(errors="replace").decode()


def stalled_letter(consumer: str, delivered: Delivered, trouble: Trouble, now: datetime, codec: Codec) -> DeadLetterRow:
    """A letter keeps bytes that can be decoded again, also for a timer, which never lay on a log."""
    envelope = delivered.event.envelope
    record = delivered.record
    if record.value is None:
        encoded = codec.encode(delivered.event)
        record = replace(record, headers=encoded.headers, value=encoded.value)
    return DeadLetterRow(
        id=letter_id(consumer, envelope.id),
        consumer=consumer,
        record=record,
        stream=envelope.stream,
        run_id=envelope.workflow_id,
        event_id=envelope.id,
        event_type=envelope.type,
        reason=STALLED,
        error=trouble.error,
        remedy=trouble.remedy,
        created_at=now,
    )


def dead_lettered_row(letter: DeadLetterRow, subject: str, now: datetime, codec: Codec) -> NewOutboxRow:
    """The record on penstock.dlq that points to a letter; its key is the original's."""
    record = letter.record
    fact = DeadLettered(
        dead_letter_id=letter.id,
        consumer=letter.consumer,
        topic=record.topic,
        partition=record.partition,
        position=record.position,
        reason=letter.reason,
        error=letter.error,
    )
    envelope = Envelope(
        id=deterministic_id("dead.lettered", letter.id),
        type=DeadLettered.TYPE,
        source=SOURCE,
        time=now,
        stream=letter.stream or letter.id,
        subject=subject,
        workflow_id=letter.run_id,
        causation_id=letter.event_id,
    )
    encoded = codec.encode(Event(envelope, fact))
    key = record.key.decode(errors="replace") if record.key else envelope.stream
    return NewOutboxRow(
        stream=envelope.stream, topic=DLQ_TOPIC, key=key, spread=None, headers=encoded.headers, value=encoded.value
    )
