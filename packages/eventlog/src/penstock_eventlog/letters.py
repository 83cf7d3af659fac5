"""Dead letters of records that could not be decoded or handled, and the outbox rows that go with them. Pure."""

from datetime import datetime

from penstock_contracts.codec import Codec
from penstock_contracts.enums import ErrorClassification
from penstock_contracts.envelope import Envelope, from_headers
from penstock_contracts.errors import BadEnvelope
from penstock_contracts.ids import deterministic_id
from penstock_eventlog.answers import Handling, failed_answer, is_request
from penstock_eventlog.outcomes import DeadLetter, Failed
from penstock_eventlog.records import outbox_row_of
from penstock_store.letters import dead_lettered_row
from penstock_store.rows import DeadLetterRow, NewOutboxRow, RawRecord

LONGEST_ERROR = 2_000
REMEDIES = {
    "undecodable": "find out who wrote it, `penstock dlq show` tells what it is; nothing of ours can use it, so put it "
    "aside with `penstock dlq discard`",
    "poison": "it ended the process each time it was handled alone: repair the cause, then `penstock dlq redrive`, or "
    "`penstock jobs replay` where the run went on without it",
}
REMEDY = "repair the cause, then `penstock dlq redrive`"


def remedy_of(reason: str) -> str:
    return REMEDIES.get(reason, REMEDY)


def envelope_of(record: RawRecord) -> Envelope | None:
    try:
        return from_headers(record.headers)
    except BadEnvelope:
        return None


def letter_of(group: str, record: RawRecord, why: DeadLetter, now: datetime) -> DeadLetterRow:
    envelope = envelope_of(record)
    return DeadLetterRow(
        id=deterministic_id("dead letter", group, record.topic, str(record.partition), str(record.position)),
        consumer=group,
        record=record,
        stream=envelope.stream if envelope else "",
        run_id=envelope.workflow_id if envelope else "",
        event_id=envelope.id if envelope else "",
        event_type=envelope.type if envelope else "",
        reason=why.reason,
        error=why.error[:LONGEST_ERROR],
        remedy=remedy_of(why.reason),
        created_at=now,
    )


def rows_of(letter: DeadLetterRow, source: str, now: datetime, codec: Codec) -> tuple[NewOutboxRow, ...]:
    """What is said of a dead letter: always dead.lettered, and for a request whose headers can be read, its answer."""
    envelope = envelope_of(letter.record)
    said = [dead_lettered_row(letter, envelope.subject if envelope else "", now, codec)]
    if envelope is not None and is_request(letter.record.topic, envelope.type) and envelope.workflow_id:
        failed = Failed(ErrorClassification.POISON, f"{letter.reason}: {letter.error}".rstrip(": "))
        said.append(outbox_row_of(failed_answer(envelope, failed, Handling(source, now)), codec))
    return tuple(said)
