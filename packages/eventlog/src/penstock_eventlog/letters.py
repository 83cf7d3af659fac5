"""Dead letters of records that could not be decoded or handled, and the outbox rows that go with them. Pure."""

from datetime import datetime

from penstock_contracts.codec import Codec
from penstock_contracts.enums import ErrorClassification
from penstock_contracts.envelope import Envelope, from_headers
from penstock_contracts.errors import BadEnvelope
from penstock_contracts.flow import EVENTS_TOPIC
from penstock_contracts.ids import deterministic_id
from penstock_eventlog.answers import Handling, failed_answer, is_request
from penstock_eventlog.decoding import UNDECODABLE
from penstock_eventlog.outcomes import DeadLetter, Failed
from penstock_eventlog.records import outbox_row_of
from penstock_store.letters import dead_lettered_row, kept_letter, redrive_remedy
from penstock_store.rows import DeadLetterRow, NewOutboxRow, RawRecord
from penstock_store.texts import describe, printable

POISON = "poison"


def stall_remedy(reason: str, letter: str) -> str:
    """What to do about an event of a stream that was given up before it was applied. Pure."""
    if reason == UNDECODABLE:
        return (
            "nobody can read this, so find out who wrote it, then put it aside, and an answer counts as failed: "
            f'`penstock dlq discard {letter} --reason "nobody can read it"`'
        )
    if reason == POISON:
        return f"it ended the process each time it was handled alone: {redrive_remedy(letter)}"
    return redrive_remedy(letter)


def remedy_of(reason: str, letter: str) -> str:
    """What to do about any other record that nobody waits for."""
    if reason == UNDECODABLE:
        return (
            "find out who wrote it; nothing of ours can use it, so put it aside: "
            f'`penstock dlq discard {letter} --reason "not ours"`'
        )
    return stall_remedy(reason, letter)


def answered_remedy(letter: str, run_id: str) -> str:
    """What to do about a request: it was answered as failed, so it is not asked for any more."""
    return (
        f"correct the cause, then review anew, `penstock jobs replay {run_id}`, and put this aside: "
        f'`penstock dlq discard {letter} --reason "reviewed anew"`'
    )


def kept_of(letter: DeadLetterRow, refused: Exception, now: datetime) -> DeadLetterRow:
    """The same bytes under names of ours, when the letter or what is said of it is refused."""
    error = f"{describe(refused)}; before that: {letter.reason}: {letter.error}"
    return kept_letter(letter.id, letter.consumer, letter.record, error, now)


def envelope_of(record: RawRecord) -> Envelope | None:
    try:
        return from_headers(record.headers)
    except BadEnvelope:
        return None


def letter_of(group: str, record: RawRecord, why: DeadLetter, now: datetime) -> DeadLetterRow:
    """It names the run that fails by it: none for who only listens to workflow.events, for which no run waits."""
    envelope = envelope_of(record)
    letter = deterministic_id("dead letter", group, record.topic, str(record.partition), str(record.position))
    run_id = envelope.workflow_id if envelope and record.topic != EVENTS_TOPIC else ""
    return DeadLetterRow(
        id=letter,
        consumer=group,
        record=record,
        stream=envelope.stream if envelope else "",
        run_id=run_id,
        event_id=envelope.id if envelope else "",
        event_type=envelope.type if envelope else "",
        reason=why.reason,
        error=printable(why.error),
        remedy=answered_remedy(letter, run_id) if _is_answered(record, envelope) else remedy_of(why.reason, letter),
        created_at=now,
    )


def _is_answered(record: RawRecord, envelope: Envelope | None) -> bool:
    return envelope is not None and envelope.workflow_id != "" and is_request(record.topic, envelope.type)


def rows_of(letter: DeadLetterRow, source: str, now: datetime, codec: Codec) -> tuple[NewOutboxRow, ...]:
    """What is said of a dead letter: always dead.lettered, and for a request whose headers can be read, its answer."""
    envelope = envelope_of(letter.record)
    said = [dead_lettered_row(letter, envelope.subject if envelope else "", now, codec)]
    if envelope is not None and _is_answered(letter.record, envelope):
        failed = Failed(ErrorClassification.POISON, f"{letter.reason}: {letter.error}".rstrip(": "))
        said.append(outbox_row_of(failed_answer(envelope, failed, Handling(source, now)), codec))
    return tuple(said)
