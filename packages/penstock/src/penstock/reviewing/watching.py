"""Listens to workflow.events, as anyone may: how far the run is, what it cost, how it ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock_contracts.enums import CommentsKind, RunOutcome
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    AstRequested,
    CommentsRequested,
    ConfigResolved,
    Fact,
    FilesReviewCompleted,
    PrepareRequested,
    PrReviewCompleted,
    PrReviewRequested,
    Usage,
    WorkflowFinished,
    WorkflowStalled,
)
from penstock_contracts.flow import EVENTS_TOPIC, TOPIC_BY_NAME
from penstock_eventlog.loop import Loop, Tools
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.work import OneByOne

GROUP = "penstock-review"


@dataclass(slots=True)
class Watch:
    """What is known of the run so far. `tell` gets a line to show whenever there is something new to say."""

    tell: Callable[[str], None]
    model: str = ""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    resolved: ConfigResolved | None = None
    requested: CommentsRequested | None = None
    usages: list[Usage] = field(default_factory=list)
    finished: WorkflowFinished | None = None
    stalled: str = ""
    reviewed: int = 0

    @property
    def failure(self) -> str:
        """Why there is no review; empty when there is one, or nothing to be reviewed."""
        if self.stalled:
            return self.stalled
        if self.finished is not None and self.finished.outcome is RunOutcome.FAILED:
            return self.finished.reason
        return ""

    async def heard(self, event: Event[Fact]) -> Outcome:
        match event.fact:
            case PrepareRequested():
                self.begun.set()
                self.tell("reading the change")
            case ConfigResolved() as fact:
                self.resolved = fact
            case AstRequested():
                self.tell("analysing syntax")
            case PrReviewRequested() if self.model:
                self.tell(f"asking {self.model}")
            case PrReviewCompleted(usage=usage):
                self._count(usage)
            case FilesReviewCompleted(usage=usage):
                self.reviewed += 1
                self._count(usage)
            case CommentsRequested(kind=CommentsKind.REVIEW) as fact:
                self.requested = fact
            case WorkflowFinished() as fact:
                self.finished = fact
                self.over.set()
            case WorkflowStalled() as fact:
                self.stalled = f"{fact.event_type}: {fact.error}"
                self.begun.set()
                self.over.set()
        return Emit()

    def _count(self, usage: Usage) -> None:
        self.usages.append(usage)
        if self.model and self.resolved is not None:
            self.tell(f"asking {self.model}, {self.reviewed} of {len(self.resolved.manifest)} parts done")


def watching(watch: Watch, tools: Tools) -> Loop:
    handles = {fact.TYPE: watch.heard for fact in TOPIC_BY_NAME[EVENTS_TOPIC].types}
    return Loop(GROUP, (EVENTS_TOPIC,), OneByOne(handles, concurrency=1), tools, source="penstock/review")
