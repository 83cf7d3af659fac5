"""The analysis of two versions; in the newer one a request has a field more. `python -m tests.trouble.versions older`.

Each answers with the version it is of and what it read, so that a test sees who was given what.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock_contracts import facts
from penstock_contracts.codec import Codec
from penstock_contracts.enums import AnswerOutcome
from penstock_contracts.event import Event
from penstock_contracts.facts import FACTS, AstCompleted, Fact
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.work import Handler, OneByOne
from penstock_eventlog.workbench import Workbench, open_workbench
from penstock_eventlog.worker import publish_schemas, worker_loops
from penstock_runtime.process import Build, Context, Service
from penstock_runtime.service import run_service

OLDER, NEWER = "older", "newer"
DEFAULT = "none"


@dataclass(frozen=True, slots=True)
class AstRequested(facts.AstRequested):
    """The same request one version later."""

    urgency: str = DEFAULT


REQUESTS: Mapping[str, type[facts.AstRequested]] = {OLDER: facts.AstRequested, NEWER: AstRequested}


def codec_of(version: str) -> Codec:
    """As a process of this version embeds it."""
    return Codec([REQUESTS[version] if fact is facts.AstRequested else fact for fact in FACTS])


def answers(version: str) -> Handler:
    async def handle(event: Event[Fact]) -> Outcome:
        read = getattr(event.fact, "urgency", "")
        return Emit((AstCompleted(outcome=AnswerOutcome.OK, blob=f"{version}:{read}"),))

    return handle


def of_version(bench: Workbench, version: str) -> Workbench:
    return replace(bench, tools=replace(bench.tools, codec=codec_of(version)))


def work_of(version: str) -> OneByOne:
    return OneByOne({AstRequested.TYPE: answers(version)})


def build_of(version: str) -> Build:
    async def build(context: Context) -> Service:
        bench = of_version(await open_workbench(context), version)
        await publish_schemas(bench.store, bench.tools.codec)
        return bench.owned(Service(machines=worker_loops("ast", work_of(version), bench.tools)))

    return build


if __name__ == "__main__":
    run_service("ast", build_of(sys.argv[1]))
