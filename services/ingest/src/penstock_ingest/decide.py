"""What a webhook comes to: an event to store, and the answer to give. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from penstock_contracts.envelope import LONGEST_WORDS, Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import PrReceived
from penstock_contracts.ids import received_event_id, stream_of, subject_of

SOURCE = "ingest"


class Status(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of every answer, stable from the first release, and the code it travels with."""

    code: int
    status: Status
    kind: str = "other"
    reason: str = ""
    delivery_id: str = ""
    stream: str = ""
    correlation_id: str = ""
    retry_after: int | None = None

    def body(self) -> dict[str, str]:
        return {
            "status": self.status.value,
            "kind": self.kind,
            "reason": self.reason,
            "delivery_id": self.delivery_id,
            "stream": self.stream,
            "correlation_id": self.correlation_id,
        }


def event_of(fact: PrReceived, now: datetime, traceparent: str, tracestate: str) -> Event[PrReceived]:
    """The same delivery, or comment, gives the same id, however often it arrives. The correlation id is the platform's
    own, which its delivery log shows. A tracestate, which nobody signs, is left out where it is too long."""
    return Event(
        Envelope(
            id=received_event_id(fact),
            type=PrReceived.TYPE,
            source=SOURCE,
            time=now,
            stream=stream_of(fact),
            subject=subject_of(fact),
            correlation_id=fact.delivery_id,
            traceparent=traceparent,
            tracestate=tracestate if len(tracestate.encode()) <= LONGEST_WORDS else "",
        ),
        fact,
    )


def taken(event: Event[PrReceived], kind: str, *, new: bool) -> Answer:
    return Answer(
        202,
        Status.ACCEPTED if new else Status.DUPLICATE,
        kind,
        "" if new else "it was received before",
        event.fact.delivery_id,
        event.envelope.stream,
        event.envelope.correlation_id,
    )


def ignored(delivery_id: str, kind: str, reason: str) -> Answer:
    """Not an error: platforms switch off hooks that are answered with errors."""
    return Answer(202, Status.IGNORED, kind, reason, delivery_id, "", delivery_id)


def rejected(code: int, reason: str, delivery_id: str = "", retry_after: int | None = None) -> Answer:
    return Answer(code, Status.REJECTED, reason=reason, delivery_id=delivery_id, retry_after=retry_after)
