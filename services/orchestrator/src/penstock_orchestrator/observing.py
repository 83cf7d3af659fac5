"""What metrics and the log say of stored facts: attempts that follow a failure, what was given up, how long it took.

It listens to the store, so each fact is counted once, in the process that stored it, and nothing is said of what was
rolled back.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_contracts.event import Event
from penstock_contracts.facts import (
    EPOCH,
    Answer,
    AttemptScheduled,
    CommentsPublished,
    ConfigResolved,
    Fact,
    StageGivenUp,
    WorkflowFinished,
    WorkflowStalled,
)
from penstock_runtime.metrics import Metrics

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observer:
    metrics: Metrics

    def hear(self, stored: Sequence[Event[Fact]]) -> None:
        """A listener of the store."""
        for event in stored:
            fact = event.fact
            if isinstance(fact, Answer):
                _answered(self.metrics, event, fact)
            elif fact.TYPE in _HEARD:
                _HEARD[fact.TYPE](self.metrics, event, fact)


def _answered(metrics: Metrics, event: Event[Fact], answer: Answer) -> None:
    """What is put in the place of an answer, such as that of a dead letter, says no times: nobody worked."""
    if answer.started_at != EPOCH:
        metrics.stage_duration.labels(event.envelope.stage, str(answer.outcome)).observe(answer.duration)
    if isinstance(answer, ConfigResolved | CommentsPublished):
        for light in answer.stages:
            metrics.stage_duration.labels(light.name, light.outcome).observe(light.duration)


def _scheduled(metrics: Metrics, event: Event[Fact], fact: AttemptScheduled) -> None:
    if not fact.maximum:
        return
    metrics.retries.labels(str(fact.stage)).inc()
    delay = round((fact.due - event.envelope.time).total_seconds(), 3)
    facts = {"attempt": fact.attempt, "maximum": fact.maximum, "delay": delay, "reason": fact.reason}
    _log.info("a part will be asked again", extra=_ids(event, fact) | facts)


def _given_up(metrics: Metrics, event: Event[Fact], fact: StageGivenUp) -> None:
    metrics.retries_exhausted.labels(str(fact.stage)).inc()
    facts = {"attempt": fact.attempt, "maximum": fact.maximum, "reason": fact.reason}
    _log.warning("a part is given up", extra=_ids(event, fact) | facts)


def _stalled(metrics: Metrics, _: Event[Fact], fact: WorkflowStalled) -> None:
    metrics.stalled.labels(fact.event_type).inc()


def _finished(metrics: Metrics, event: Event[Fact], fact: WorkflowFinished) -> None:
    if fact.opened_at is not None:
        took = (event.envelope.time - fact.opened_at).total_seconds()
        metrics.run_duration.labels(str(fact.outcome)).observe(max(0.0, took))


def _ids(event: Event[Fact], fact: AttemptScheduled | StageGivenUp) -> dict[str, object]:
    return {
        "workflow": fact.run_id,
        "stream": event.envelope.stream,
        "stage": str(fact.stage),
        "part": fact.part,
    }


_HEARD: dict[str, Callable[[Metrics, Event[Fact], Any], None]] = {
    AttemptScheduled.TYPE: _scheduled,
    StageGivenUp.TYPE: _given_up,
    WorkflowStalled.TYPE: _stalled,
    WorkflowFinished.TYPE: _finished,
}
