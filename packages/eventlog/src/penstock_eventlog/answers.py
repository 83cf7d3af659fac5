"""What a handled event leads to, in its envelope: the answer to a request, or facts that follow from a fact. Pure.

An answer carries its request's stream, run, epoch, part, attempt, correlation and trace. Its id follows from run,
stage, part and attempt alone, so whoever answers twice, differently even, is heard once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from penstock_contracts.enums import AnswerOutcome
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import EPOCH, Answer, Fact
from penstock_contracts.flow import STAGE_OF_REQUEST, TOPIC_OF_TYPE
from penstock_contracts.ids import answer_id, inner_id
from penstock_eventlog.outcomes import Failed
from penstock_store.texts import printable


@dataclass(frozen=True, slots=True)
class Handling:
    """When and by whom something was handled, and the trace it was handled in."""

    source: str
    started_at: datetime
    duration: float = 0.0
    traceparent: str = ""
    tracestate: str = ""

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self.duration)


class NotAnAnswer(ValueError):
    """A request is answered with exactly one fact, of its stage's answer type."""


def is_request(topic: str, event_type: str) -> bool:
    """Whether this record asks for an answer. Requests also travel on workflow.events, where they ask nobody."""
    return event_type in STAGE_OF_REQUEST and TOPIC_OF_TYPE[event_type].name == topic


def answer(request: Envelope, facts: Sequence[Fact], handling: Handling) -> Event[Fact]:
    """The facts a handler emitted, as the answer to this request. Times the handler did not give are filled in."""
    row = STAGE_OF_REQUEST[request.type]
    if len(facts) != 1 or not isinstance(facts[0], row.answer):
        said = ", ".join(fact.TYPE for fact in facts) or "nothing"
        raise NotAnAnswer(f"{request.type} is answered with one {row.answer.TYPE}, not with {said}")
    return _answer_event(request, _timed(facts[0], handling), handling)


def failed_answer(request: Envelope, failed: Failed, handling: Handling) -> Event[Fact]:
    fact = STAGE_OF_REQUEST[request.type].answer(
        outcome=AnswerOutcome.FAILED,
        error_class=failed.error_class,
        error=failed.error,
        retry_after=failed.retry_after,
    )
    return _answer_event(request, _timed(fact, handling), handling)


def consequences(cause: Envelope, facts: Sequence[Fact], handling: Handling) -> tuple[Event[Fact], ...]:
    """The facts a handler of something other than a request emitted; their ids follow from the cause's."""
    return tuple(
        Event(_follows(cause, fact.TYPE, inner_id(cause.id, index), handling), fact) for index, fact in enumerate(facts)
    )


def _timed(fact: Answer, handling: Handling) -> Answer:
    if fact.started_at != EPOCH:
        return fact
    return replace(fact, started_at=handling.started_at, duration=handling.duration)


def _answer_event(request: Envelope, fact: Answer, handling: Handling) -> Event[Fact]:
    """Its error and reason may be the words of a platform or a model, which may hold anything."""
    fact = replace(fact, error=printable(fact.error), reason=printable(fact.reason))
    stage = STAGE_OF_REQUEST[request.type].stage
    event_id = answer_id(request.workflow_id, stage, request.part, request.attempt)
    return Event(replace(_follows(request, fact.TYPE, event_id, handling), stage=stage.value), fact)


def _follows(cause: Envelope, event_type: str, event_id: str, handling: Handling) -> Envelope:
    return replace(
        cause,
        id=event_id,
        type=event_type,
        source=handling.source,
        time=handling.ended_at,
        causation_id=cause.id,
        not_after=None,
        sequence=0,
        traceparent=handling.traceparent or cause.traceparent,
        tracestate=handling.tracestate if handling.traceparent else cause.tracestate,
    )
