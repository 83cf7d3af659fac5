"""Services with something broken in them, as real processes: `python -m tests.trouble.doubles <which>`.

Each is what `penstock run` starts but for one part, so that a test sees what a fault in our own code leads to: where
it is caught, counted, answered, and what it costs the others.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from penstock_contracts.enums import CommentsKind
from penstock_contracts.event import Event
from penstock_contracts.facts import AstRequested, CommentsPublished, ConfigResolved, Fact, TimerFired
from penstock_eventlog import running
from penstock_eventlog.loop import Limits
from penstock_eventlog.outcomes import Outcome
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.work import Handler, OneByOne
from penstock_eventlog.workbench import Assemble, Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_orchestrator.bootstrap import deciding, relay
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_orchestrator.state import StreamState, TimerKind
from penstock_runtime.process import Context, Service
from penstock_runtime.service import run_service

HANDLER_SECONDS = 1.0
CANCELLED_SECONDS = 1.0
BROKEN_STREAM = "TROUBLE_STREAM"
"""The variable with the end of the name of the stream of which an event cannot be applied."""
BROKEN_HOW = "TROUBLE_HOW"
"""And the one that says how."""


async def aborts(_: Event[Fact]) -> Outcome:
    os.abort()


async def raises(_: Event[Fact]) -> Outcome:
    raise ZeroDivisionError("nobody thought of empty files")


async def hangs(_: Event[Fact]) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError("it was cancelled")


async def is_stuck(_: Event[Fact]) -> Outcome:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


def analysis_that(handler: Handler) -> Assemble:
    """The analysis with another handler, which has a second instead of half an hour."""

    async def assemble(_: Context, bench: Workbench) -> Service:
        work = OneByOne({AstRequested.TYPE: handler}, concurrency=2)
        return Service(machines=worker_loops("ast", work, bench.tools, limits=Limits(handle=HANDLER_SECONDS)))

    return assemble


class Broken(StrEnum):
    """What an orchestrator of ours does wrong with one stream: at which event, and how."""

    DECIDE = "decide"
    EVOLVE = "evolve"
    REFUSED = "refused"
    TIMER = "timer"
    PUBLISHED = "published"
    POISON = "poison"


class BrokenFold(OrchestratorFold):
    """Cannot apply the reading of one stream's pull request, that its review was said, or the timer that asks a failed
    stage again."""

    def __init__(self, settings: OrchestratorSettings, stream: str, how: Broken) -> None:
        super().__init__(settings.rules())
        self._broken, self._how = stream, how

    def decide(self, state: StreamState, event: Event[Fact], now: datetime) -> Sequence[Event[Fact]]:
        if self._how is Broken.TIMER and isinstance(event.fact, TimerFired) and event.fact.kind == TimerKind.ATTEMPT:
            raise KeyError("no rule for this attempt")
        if self._how is Broken.PUBLISHED and self._is_meant(event, CommentsPublished) and _is_review(event.fact):
            raise KeyError("no rule for what was said")
        if self._how is Broken.DECIDE and self._is_meant(event, ConfigResolved):
            raise KeyError("no rule for this configuration")
        if self._how is Broken.POISON and self._is_meant(event, ConfigResolved):
            os.abort()
        return super().decide(state, event, now)

    def evolve(self, state: StreamState, stored: Event[Fact]) -> StreamState:
        if self._how is Broken.EVOLVE and self._is_meant(stored, ConfigResolved):
            raise KeyError("no rule for this configuration")
        return super().evolve(state, stored)

    def subject(self, state: StreamState) -> str:
        """A text that no column takes, once the configuration is read."""
        read = any(run.config_blob for run in state.runs.values()) and state.stream.endswith(self._broken)
        return "\0" if read and self._how is Broken.REFUSED else super().subject(state)

    def _is_meant(self, event: Event[Fact], kind: type[Fact]) -> bool:
        return isinstance(event.fact, kind) and event.envelope.stream.endswith(self._broken)


def _is_review(fact: Fact) -> bool:
    return isinstance(fact, CommentsPublished) and fact.kind is CommentsKind.REVIEW


async def broken_orchestrator(context: Context, bench: Workbench) -> Service:
    how = Broken(context.environ.get(BROKEN_HOW, Broken.DECIDE))
    fold = BrokenFold(context.load(OrchestratorSettings), context.environ[BROKEN_STREAM], how)
    producer = bench.log.producer()
    sink = ProducerSink(producer, bench.store.outbox)
    shards = ShardLeases(bench.store.leases, context.instance, context.clock)
    return Service(machines=(*deciding(bench, fold), relay(bench, sink, shards)), close=(producer.close,))


DOUBLES: Mapping[str, tuple[str, Assemble]] = {
    "aborts": ("ast", analysis_that(aborts)),
    "raises": ("ast", analysis_that(raises)),
    "hangs": ("ast", analysis_that(hangs)),
    "is-stuck": ("ast", analysis_that(is_stuck)),
    "cannot-decide": ("orchestrator", broken_orchestrator),
}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    running.GRACE = CANCELLED_SECONDS
    service, assembled = DOUBLES[sys.argv[1]]
    run_service(service, standing_apart(assembled))
