"""Dead letters of events that could not be applied, and what is said of them on penstock.dlq."""

from dataclasses import dataclass, replace
from datetime import datetime

from penstock_contracts.codec import Codec
from penstock_contracts.envelope import Envelope, from_headers
from penstock_contracts.event import Event
from penstock_contracts.facts import DeadLettered, Fact
from penstock_contracts.flow import DLQ_TOPIC
from penstock_contracts.ids import deterministic_id
from penstock_store.rows import DeadLetterRow, Delivered, NewOutboxRow, RawRecord
from penstock_store.texts import printable

STALLED = "stalled"
REFUSED = "refused"
LONGEST_KEY = 500
SOURCE = "penstock/store"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an event was not applied, and what to do."""

    error: str
    remedy: str


def letter_id(consumer: str, event_id: str) -> str:
    return deterministic_id("dead letter", consumer, event_id)


def redrive_remedy(letter: str) -> str:
    return f"correct the cause, then: `penstock dlq redrive {letter}`"


def refused_remedy(letter: str) -> str:
    """The database takes nothing that follows from this event, most often for a text of it, which stays as it is."""
    return (
        "what it says cannot be stored, so put it aside, and an answer counts as failed: "
        f'`penstock dlq discard {letter} --reason "it cannot be stored"`; where another version of Penstock takes it: '
        f"`penstock dlq redrive {letter}`"
    )


def kept_remedy(letter: str) -> str:
    """The database takes neither what follows from this record nor its names."""
    return (
        "nothing of it can be stored but its bytes, so find out who wrote it, then put it aside: "
        f'`penstock dlq discard {letter} --reason "it cannot be stored"`'
    )


def key_of(letter: DeadLetterRow) -> str:
    """The original's, as far as a column takes it and a record needs it; empty where it had none."""
    return printable((letter.record.key or b"")[: LONGEST_KEY * 4].decode(errors="replace"))[:LONGEST_KEY]


def stalled_by(letter: DeadLetterRow) -> Event[Fact]:
    """The event of a letter where only its envelope can be read: enough to say of its stream that it stalls."""
    record = letter.record
    place = (record.topic, record.partition, record.position)
    return Event(
        from_headers(record.headers), DeadLettered(letter.id, letter.consumer, *place, letter.reason, letter.error)
    )


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


def kept_letter(letter: str, consumer: str, record: RawRecord, error: str, now: datetime) -> DeadLetterRow:
    """The last resort: the bytes under names of ours, so that there is nothing that a column, an index or a schema
    could refuse."""
    return DeadLetterRow(
        id=letter,
        consumer=consumer,
        record=record,
        stream="",
        run_id="",
        event_id="",
        event_type="",
        reason=REFUSED,
        error=printable(error),
        remedy=kept_remedy(letter),
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
    return NewOutboxRow(
        stream=envelope.stream,
        topic=DLQ_TOPIC,
        key=key_of(letter) or envelope.stream,
        spread=None,
        headers=encoded.headers,
        value=encoded.value,
    )
