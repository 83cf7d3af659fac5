"""The CloudEvents 1.0 envelope in Kafka's binary mode: everything about an event that is not its body, as headers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from penstock_contracts.errors import BadEnvelope

CONTENT_TYPE = "application/vnd.confluent.avro"
SPEC_VERSION = "1.0"
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    id: str
    type: str
    source: str
    time: datetime
    stream: str
    subject: str = ""
    workflow_id: str = ""
    epoch: int = 0
    stage: str = ""
    part: str = ""
    attempt: int = 0
    causation_id: str = ""
    correlation_id: str = ""
    not_after: datetime | None = None
    sequence: int = 0
    traceparent: str = ""
    tracestate: str = ""


# Bytes of a text. Ids, streams and parts stand in indexes, whose rows PostgreSQL lets have 2,704 bytes, and the longest
# have three texts. Ours and the platforms' are far shorter: an id has 36, that of a delivery at most 100, a stream the
# name of a host (253) and two numbers beside it.
LONGEST_NAME = 500
# What people call a repository (GitLab: paths of 255), also in scripts of several bytes a character; and a tracestate,
# of which everybody has to pass on 512.
LONGEST_WORDS = 1_000
_TEXT = (
    ("ce_id", "id", LONGEST_NAME),
    ("ce_type", "type", LONGEST_NAME),
    ("ce_source", "source", LONGEST_NAME),
    ("ce_stream", "stream", LONGEST_NAME),
    ("ce_subject", "subject", LONGEST_WORDS),
    ("ce_workflowid", "workflow_id", LONGEST_NAME),
    ("ce_stage", "stage", LONGEST_NAME),
    ("ce_part", "part", LONGEST_NAME),
    ("ce_causationid", "causation_id", LONGEST_NAME),
    ("ce_correlationid", "correlation_id", LONGEST_NAME),
    ("traceparent", "traceparent", LONGEST_NAME),
    ("tracestate", "tracestate", LONGEST_WORDS),
)
_NUMBERS = (("ce_epoch", "epoch"), ("ce_attempt", "attempt"), ("ce_sequence", "sequence"))
_TIMES = (("ce_time", "time"), ("not_after", "not_after"))
_REQUIRED = ("id", "type", "source", "stream", "time")
_LARGEST = 2**63 - 1
# What CloudEvents forbids in an attribute: control characters and halves of surrogate pairs.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def to_headers(envelope: Envelope) -> Headers:
    """A fresh tuple each time: header lists are never shared between records."""
    headers = [("ce_specversion", SPEC_VERSION.encode()), ("content-type", CONTENT_TYPE.encode())]
    for header, field, longest in _TEXT:
        text = getattr(envelope, field)
        if text:
            headers.append((header, _bounded(header, _checked(header, text).encode(), longest)))
        elif field in _REQUIRED:
            raise BadEnvelope(f"{header} is empty")
    for header, field in _NUMBERS:
        number = getattr(envelope, field)
        if number:
            headers.append((header, b"%d" % number))
    for header, field in _TIMES:
        moment = getattr(envelope, field)
        if moment is not None:
            headers.append((header, _format_time(header, moment)))
    return tuple(headers)


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    """Reads what it knows and ignores the rest, so that newer headers do no harm."""
    raw = {name.lower(): value for name, value in headers if value is not None}
    if raw.get("ce_specversion", b"").decode(errors="replace") != SPEC_VERSION:
        raise BadEnvelope(f"ce_specversion is not {SPEC_VERSION}")
    fields: dict[str, object] = {}
    try:
        for header, field, longest in _TEXT:
            if header in raw:
                fields[field] = _checked(header, _bounded(header, raw[header], longest).decode())
        fields.update({field: _parse_number(raw[header]) for header, field in _NUMBERS if header in raw})
        fields.update({field: _parse_time(raw[header]) for header, field in _TIMES if header in raw})
    except (ValueError, OverflowError) as error:
        raise BadEnvelope(f"a header does not parse: {error}") from error
    missing = [field for field in _REQUIRED if not fields.get(field)]
    if missing:
        raise BadEnvelope(f"headers missing: {', '.join(missing)}")
    return Envelope(**fields)  # type: ignore[arg-type]


def _checked(header: str, text: str) -> str:
    # Nearly every text is plain, and being so is asked several times faster than the pattern.
    if not (text.isascii() and text.isprintable()) and _FORBIDDEN.search(text):
        raise BadEnvelope(f"{header} holds a control character or half a surrogate pair: {text[:200]!r}")
    return text


def _bounded(header: str, text: bytes, longest: int) -> bytes:
    if len(text) > longest:
        raise BadEnvelope(f"{header} is {len(text)} bytes long, {longest} are allowed")
    return text


def _format_time(header: str, moment: datetime) -> bytes:
    if moment.tzinfo is None:
        raise BadEnvelope(f"{header} has no zone: {moment!r}")
    universal = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{universal.isoformat(timespec='microseconds')[:-6]}Z".encode()


def _parse_number(text: bytes) -> int:
    number = int(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"not between 0 and {_LARGEST}")
    return number


def _parse_time(text: bytes) -> datetime:
    moment = datetime.fromisoformat(text.decode())
    if moment.tzinfo is None:
        raise ValueError(f"time without a zone: {text!r}")
    return moment.astimezone(UTC)
