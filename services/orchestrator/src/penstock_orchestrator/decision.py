"""PURE. One decision under way: the facts said so far and the state they lead to.

Every fact goes through `record` or `say`, gets the next sequence number and a deterministic id, and is folded at once,
so that what is decided next is decided on the state as it then is.
"""

from dataclasses import replace
from datetime import datetime

from penstock_contracts.enums import CLOSINGS, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Answer, AnswerIgnored, Fact
from penstock_contracts.ids import inner_id, request_id
from penstock_orchestrator.errors import UnknownPullRequest
from penstock_orchestrator.evolve import evolve
from penstock_orchestrator.requests import request_of
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import Part, Run, StreamState

SOURCE = "penstock/orchestrator"


class Decision:
    def __init__(self, rules: Rules, state: StreamState, cause: Event[Fact], now: datetime) -> None:
        self.rules = rules
        self.state = state
        self.cause = cause
        self.now = now
        self.events: list[Event[Fact]] = []

    def run(self, run_id: str) -> Run:
        return self.state.runs[run_id]

    def record(self) -> None:
        """Stores the event that was delivered, as it came, in its place in the sequence."""
        self._add(replace(self.cause.envelope, sequence=self.state.sequence + 1), self.cause.fact)

    def say(self, fact: Fact, run_id: str = "") -> None:
        """An inner fact."""
        self._add(self._envelope(inner_id(self.cause.envelope.id, len(self.events)), fact, run_id), fact)

    def ask(self, run: Run, stage: Stage, part: str = "") -> None:
        """The next attempt of a part. Closings carry no not_after: they must be said however late."""
        reference = self.state.pull_request
        if reference is None:
            raise UnknownPullRequest(self.state.stream)
        fact = request_of(self.state, run, stage, part, reference)
        known = run.part(stage, part)
        attempt = (known.attempt if known else 0) + 1
        closing = stage is Stage.COMMENTS and part in CLOSINGS
        envelope = replace(
            self._envelope(request_id(run.id, stage, part, attempt), fact, run.id),
            stage=str(stage),
            part=part,
            attempt=attempt,
            not_after=None if closing else self.now + self.rules.part_deadline,
        )
        self._add(envelope, fact)

    def answer(self, run: Run, part: Part, fact: Answer) -> None:
        """In the place of who was asked, for an answer that will never come."""
        envelope = self._envelope(inner_id(self.cause.envelope.id, len(self.events)), fact, run.id)
        self._add(replace(envelope, stage=str(part.stage), part=part.part, attempt=part.attempt), fact)

    def ignore(self, why: str) -> None:
        """The delivered event changes nothing: only that is stored, and why."""
        envelope = self.cause.envelope
        fact = AnswerIgnored(envelope.workflow_id, envelope.id, envelope.type, why)
        self.say(fact, envelope.workflow_id)

    def _envelope(self, event_id: str, fact: Fact, run_id: str) -> Envelope:
        cause = self.cause.envelope
        run = self.state.runs.get(run_id)
        return Envelope(
            id=event_id,
            type=fact.TYPE,
            source=SOURCE,
            time=self.now,
            stream=self.state.stream,
            subject=self.state.subject or cause.subject,
            workflow_id=run_id,
            epoch=run.epoch if run else self.state.epoch,
            causation_id=cause.id,
            correlation_id=run.correlation_id if run else cause.correlation_id,
            sequence=self.state.sequence + 1,
            traceparent=cause.traceparent,
            tracestate=cause.tracestate,
        )

    def _add(self, envelope: Envelope, fact: Fact) -> None:
        event = Event(envelope, fact)
        self.state = evolve(self.state, event)
        self.events.append(event)
