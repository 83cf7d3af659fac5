"""From events to what is published of them: a record for the log, or a row for the outbox. Pure."""

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.routing import route
from penstock_contracts.weight import weight_of
from penstock_eventlog.ports import NewRecord
from penstock_store.rows import NewOutboxRow, OutboxRow


def record_of(event: Event[Fact], codec: Codec) -> NewRecord:
    """Raises EventTooLarge."""
    where, encoded = route(event.envelope), codec.encode(event)
    return NewRecord(where.topic, where.key, encoded.headers, encoded.value, event.envelope.stream, where.spread)


def outbox_row_of(event: Event[Fact], codec: Codec) -> NewOutboxRow:
    """What `receipts.receive` takes of a webhook, a reconciler or a poller. Raises EventTooLarge."""
    where, encoded = route(event.envelope), codec.encode(event)
    return NewOutboxRow(event.envelope.stream, where.topic, where.key, where.spread, encoded.headers, encoded.value)


def record_of_row(row: OutboxRow) -> NewRecord:
    return NewRecord(row.topic, row.key, row.headers, row.value, row.stream, row.spread)


def row_of_record(record: NewRecord) -> NewOutboxRow:
    return NewOutboxRow(record.stream, record.topic, record.key, record.spread, record.headers, record.value)


def size_of(record: NewRecord) -> int:
    """Of what a topic may limit."""
    return weight_of(record.key, record.headers, record.value)
