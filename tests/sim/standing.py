"""A run as its facts tell it: what it waits for, and how it ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from penstock_contracts.enums import AnswerOutcome, PullRequestKind, RunOutcome, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Answer, ConfigResolved, Fact
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.inner import (
    AttemptScheduled,
    HeadAdopted,
    StageGivenUp,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowFinished,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowSkipped,
    WorkflowSuperseded,
)
from penstock_orchestrator.evolve import ALL_PARTS
from penstock_orchestrator.state import REREAD

_ENDINGS: Mapping[type[Fact], RunOutcome] = {
    WorkflowCancelled: RunOutcome.CANCELLED,
    WorkflowFailed: RunOutcome.FAILED,
    WorkflowSkipped: RunOutcome.SKIPPED,
    WorkflowSuperseded: RunOutcome.SUPERSEDED,
}


@dataclass(slots=True)
class Standing:
    """A run, as far as its facts have told."""

    id: str
    kind: PullRequestKind
    hint: str
    forced: bool
    due: datetime
    told: int
    """The sequence number of what gave it its hint last."""
    asked: bool = False
    """Whether the pull request was to be read for it."""
    hints: set[str] = field(default_factory=set)
    """All of which it was told before it read. The last is `hint`, which a late webhook may make an older one."""
    read: str = ""
    """The head that was read last."""
    adopted: str = ""
    paused: bool = False
    outcome: RunOutcome | None = None
    closed: bool = False
    """Whether it ended since the pull request was closed."""
    unsaid: bool = False
    """Whether something that was to be said was given up."""
    parts: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When each was asked last."""
    waiting: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When each that waits is to be asked again."""

    @property
    def going(self) -> bool:
        return self.outcome is None

    @property
    def unread(self) -> bool:
        return self.going and not self.asked

    @property
    def reviewing(self) -> bool:
        return self.going and bool(self.adopted)

    def learn(self, event: Event[Fact]) -> None:
        fact = event.fact
        if type(fact) in _ENDINGS:
            self.outcome, self.paused = _ENDINGS[type(fact)], False
            self.waiting.clear()
        elif isinstance(fact, WorkflowFinished):
            self.outcome = fact.outcome
        elif isinstance(fact, WorkflowPaused | WorkflowResumed):
            self.paused = isinstance(fact, WorkflowPaused)
        elif isinstance(fact, HeadAdopted):
            self.adopted = fact.head
        elif isinstance(fact, ConfigResolved):
            self.read = fact.head
        self._learn_of_parts(event)

    def _learn_of_parts(self, event: Event[Fact]) -> None:
        fact, part = event.fact, (event.envelope.stage, event.envelope.part)
        if event.envelope.type in STAGE_OF_REQUEST:
            self.asked = True
            self.parts[part] = event.envelope.time
            self.waiting.pop(part, None)
        elif isinstance(fact, AttemptScheduled):
            scheduled = fact.stage, fact.part
            if fact.maximum or fact.part == REREAD or scheduled in self.waiting:
                self.waiting[scheduled] = fact.due
        elif isinstance(fact, StageGivenUp):
            self.waiting.pop((fact.stage, fact.part), None)
            self.unsaid |= fact.stage is Stage.COMMENTS
        elif isinstance(fact, Answer) and fact.outcome is not AnswerOutcome.FAILED:
            self.waiting.pop(part, None)

    def overdue(self, stage: str, part: str, deadline: datetime) -> Iterator[str]:
        """What is due first happens first, however late both are."""
        for (of, waiting), due in self.waiting.items():
            if of == stage and part in (waiting, ALL_PARTS) and due < deadline:
                yield f"N1 {of} {waiting} of run {self.id} was to be asked again at {due:%d %H:%M:%S}, and was given up"
