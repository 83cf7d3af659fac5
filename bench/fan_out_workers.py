"""The processes of bench/fan_out.py: real orchestrator, relay, loops and store, and stages that only take their time.

    python -m bench.fan_out_workers together              all in one process, on the PostgreSQL log
    python -m bench.fan_out_workers apart SERVICE...      these services in one process, on Kafka

A review of a batch takes SECONDS, in as many slots as `--slots` says; every other stage answers at once.
"""

import argparse
import asyncio
from dataclasses import dataclass

from penstock.alone.bootstrap import build_workers
from penstock.services import build_of
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
    PrepareRequested,
    PrReviewCompleted,
    PrReviewRequested,
)
from penstock_eventlog.handles import Handles, bound
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Assemble, Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_runtime.process import Build, Context, Service
from penstock_runtime.service import run_services

BATCHES = 40
SECONDS = 2.0
STAGES = ("prepare", "ast", "llm-review", "commenter")


@dataclass(frozen=True, slots=True)
class Stages:
    """As the real services do, they ask first whether the work is wanted."""

    wanted: Wanted

    async def requested(self, event: Event[Fact]) -> Outcome:
        skip = await self.wanted.skip(event)
        return skip or Emit((await _answer(event.fact),))


HANDLES: Handles = dict.fromkeys(REQUESTS, Stages.requested)


async def _answer(fact: Fact) -> Answer:
    match fact:
        case PrepareRequested():
            manifest = tuple(Batch(index, 1, "files") for index in range(BATCHES))
            return ConfigResolved(head=fact.hint_head, base="base", manifest=manifest, pending_comment=False)
        case AstRequested():
            return AstCompleted(blob="graph")
        case PrReviewRequested():
            return PrReviewCompleted(blob="whole")
        case CommentsRequested():
            return CommentsPublished(kind=fact.kind, head=fact.head, base=fact.base, comments=1)
    await asyncio.sleep(SECONDS)
    return FilesReviewCompleted(blob="remarks")


def pretended(service: str, slots: int) -> Assemble:
    """In place of a service's own `assemble`: its loops and groups, with other handlers."""

    async def assemble(_: Context, bench: Workbench) -> Service:
        stages = Stages(Wanted(bench.store.executions))
        return Service(machines=worker_loops(service, OneByOne(bound(HANDLES, stages), slots), bench.tools))

    return assemble


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fan_out_workers", description=__doc__)
    parser.add_argument("how", choices=("together", "apart"))
    parser.add_argument("services", nargs="*")
    parser.add_argument("--slots", type=int, required=True)
    given = parser.parse_args()
    if given.how == "together":
        run_services("together", {"workers": _together(given.slots)})
    run_services("-".join(given.services), {service: _apart(service, given.slots) for service in given.services})


def _together(slots: int) -> Build:
    async def build(context: Context) -> Service:
        return await build_workers(context, workers=[pretended(stage, slots) for stage in STAGES])

    return build


def _apart(service: str, slots: int) -> Build:
    return build_of(service) if service == "orchestrator" else standing_apart(pretended(service, slots))


if __name__ == "__main__":
    main()
