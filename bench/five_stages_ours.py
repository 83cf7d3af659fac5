"""Our side: the real orchestrator, relay, timers, loops and store, with stage services that answer at once.

    python -m bench.five_stages_ours together                 all in one process, as `penstock up`
    python -m bench.five_stages_ours apart SERVICE...         these services in one process, on Kafka

`--seconds` lets every stage take so long, `--journal` has every execution written down, `--points` has every process
write when it passed which crash point, into a file of its own.
"""

import argparse
import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import psycopg

from bench.five_stages_work import Work
from penstock.alone.bootstrap import build_workers
from penstock.services import build_of
from penstock_contracts.codec import Codec
from penstock_contracts.enums import PullRequestKind
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    REQUESTS,
    Answer,
    AstCompleted,
    AstRequested,
    Batch,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    Fact,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrepareRequested,
    PrReceived,
    PrReviewCompleted,
    PrReviewRequested,
)
from penstock_contracts.ids import delivery_event_id, run_id, stream_of, subject_of
from penstock_eventlog.handles import Handles, bound
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.records import outbox_row_of
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Assemble, Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_runtime.process import Build, Context, Service
from penstock_runtime.service import run_services
from penstock_store.postgres import PostgresStore

STAGES = ("prepare", "ast", "llm-review", "commenter")
SERVICES = ("orchestrator", *STAGES)
_ENDED = "select id from workflow.workflow_jobs where id = any(%s) and finished_at is not null"


@dataclass(frozen=True, slots=True)
class Stages:
    """Answers of the right form without the work. As the real services do, it asks first whether it is wanted."""

    wanted: Wanted
    work: Work

    async def requested(self, event: Event[Fact]) -> Outcome:
        skip = await self.wanted.skip(event)
        if skip is not None:
            return skip
        step, given = _task(event.fact)
        return Emit((_answer(event.fact, await self.work.do(event.envelope.workflow_id, step, given)),))


HANDLES: Handles = dict.fromkeys(REQUESTS, Stages.requested)


def _task(fact: Fact) -> tuple[str, str]:
    """The name of the step, and what it works on."""
    match fact:
        case PrepareRequested():
            return "prepare", fact.hint_head
        case AstRequested():
            return "ast", fact.change_blob
        case PrReviewRequested():
            return "review/whole", fact.change_blob
        case FilesReviewRequested():
            return f"review/{fact.batch.index}", fact.ast_blob
        case CommentsRequested():
            return "comment", "".join(part.blob for part in fact.parts)
    raise TypeError(fact.TYPE)


def _answer(fact: Fact, made: str) -> Answer:
    match fact:
        case PrepareRequested():
            batches = tuple(Batch(index, 1, made) for index in range(2))
            return ConfigResolved(
                head=fact.hint_head,
                base="base",
                config_blob=made,
                change_blob=made,
                manifest=batches,
                manifest_blob=made,
                pending_comment=False,
            )
        case AstRequested():
            return AstCompleted(blob=made)
        case PrReviewRequested():
            return PrReviewCompleted(blob=made)
        case CommentsRequested():
            return CommentsPublished(kind=fact.kind, head=fact.head, base=fact.base, review_id=made, comments=1)
    return FilesReviewCompleted(blob=made)


def toy(service: str, work: Work) -> Assemble:
    """In place of a service's own `assemble`: its loops and groups, with other handlers."""

    async def assemble(_: Context, bench: Workbench) -> Service:
        stages = Stages(Wanted(bench.store.executions), work)
        return Service(machines=worker_loops(service, OneByOne(bound(HANDLES, stages)), bench.tools))

    return assemble


@dataclass(frozen=True, slots=True)
class NotedSteps:
    """Times are those of the monotonic clock, which all processes of a machine share."""

    notes: TextIO

    def reach(self, point: str) -> None:
        self.notes.write(f"{time.monotonic():.6f} {point}\n")

    def hold(self, count: int, holder: str = "") -> None:
        """Of no interest here."""


class Client:
    """Starts runs as ingest does, one committed transaction each, and learns of their end from the table of jobs."""

    def __init__(self, store: PostgresStore, connection: psycopg.AsyncConnection[tuple[str]]) -> None:
        self._store, self._connection, self._codec = store, connection, Codec()
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def run(self, name: str) -> None:
        """A pull request of its own for every run."""
        event = opened(name)
        ended = self._waiting[run_of(event)] = asyncio.get_running_loop().create_future()
        await self._store.receipts.receive(event.envelope.id, outbox_row_of(event, self._codec))
        await ended

    async def watch(self, pause: float) -> None:
        """Until it is cancelled. What ended is told up to a pause later."""
        while True:
            if self._waiting:
                found = await self._connection.execute(_ENDED, (list(self._waiting),))
                for (run,) in await found.fetchall():
                    self._waiting.pop(run).set_result(None)
            await asyncio.sleep(pause)


@asynccontextmanager
async def client(database_url: str, pause: float) -> AsyncIterator[Client]:
    store = await PostgresStore.open(database_url)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        asking = Client(store, connection)
        watching = asyncio.create_task(asking.watch(pause))
        try:
            yield asking
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await store.close()


def opened(name: str) -> Event[PrReceived]:
    """A pull request that nobody has seen before."""
    head = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    number = int(head[:12], 16)
    fact = PrReceived(
        PullRequestKind.OPENED, "github", "github.com", "17", "acme/shop", number, name, hint_head=head, author="ada"
    )
    stream = stream_of(fact)
    envelope = Envelope(
        id=delivery_event_id(fact.instance, name),
        type=fact.TYPE,
        source="bench",
        time=datetime.now(UTC),
        stream=stream,
        subject=subject_of(fact),
        correlation_id=name,
    )
    return Event(envelope, fact)


def run_of(event: Event[PrReceived]) -> str:
    return run_id(event.envelope.stream, event.envelope.id)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.five_stages_ours", description=__doc__)
    parser.add_argument("how", choices=("together", "apart"))
    parser.add_argument("services", nargs="*")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--points", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    work = Work(given.seconds, given.journal)
    if given.how == "together":
        run_services("together", {"workers": _together(work)})
    run_services("-".join(given.services), {service: _apart(service, work, given.points) for service in given.services})


def _together(work: Work) -> Build:
    async def build(context: Context) -> Service:
        return await build_workers(context, workers=[toy(stage, work) for stage in STAGES])

    return build


def _apart(service: str, work: Work, points: Path | None) -> Build:
    build = build_of(service) if service == "orchestrator" else standing_apart(toy(service, work))
    if points is None:
        return build
    steps = NotedSteps((points / service).open("w", buffering=1))
    return lambda context: build(replace(context, steps=steps))


if __name__ == "__main__":
    main()
