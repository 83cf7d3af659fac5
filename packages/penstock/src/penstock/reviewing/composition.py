"""All services of one process, put together from their handlers, on whatever store, log and platform is given.

`penstock up` gives each service its environment and lets it choose its adapters; here they are chosen for them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock_ast.handler import HANDLES as AST_HANDLES
from penstock_ast.handler import AstHandler
from penstock_ast.ports import Pool
from penstock_ast.settings import AstSettings
from penstock_commenter.doubts import Doubts
from penstock_commenter.handler import HANDLES as COMMENTER_HANDLES
from penstock_commenter.handler import Commenter
from penstock_commenter.occasion import Voice
from penstock_commenter.ports import Platforms
from penstock_commenter.tenure import Timing
from penstock_eventlog.handles import bound
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Workbench
from penstock_eventlog.worker import worker_loops
from penstock_llm_review.handler import HANDLES as MODEL_HANDLES
from penstock_llm_review.handler import ReviewHandler
from penstock_llm_review.ports import AnswerCache, Model
from penstock_llm_review.settings import ModelSettings
from penstock_orchestrator.bootstrap import deciding, relay
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_prepare.handler import HANDLES as PREPARE_HANDLES
from penstock_prepare.handler import PrepareHandler
from penstock_prepare.ports import Readers
from penstock_prepare.reading import ChangeReader
from penstock_runtime.machine import Machine
from penstock_sources.access import Repositories
from penstock_sources.ports import Sources


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services stand on. Nothing here belongs to them: whoever made it closes it."""

    bench: Workbench
    readers: Readers
    platforms: Platforms
    sources: Sources
    repositories: Repositories
    pool: Pool
    model: Model | None
    answers: AnswerCache
    rules: Rules
    voice: Voice
    ast: AstSettings
    llm: ModelSettings
    timing: Timing = field(default_factory=Timing)
    holder: str = "penstock"

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.bench.store.executions, self.bench.tools.clock)


def machines(parts: Parts) -> tuple[Machine, ...]:
    """Everything that turns pr.received into something said, for a log with a producer of its own."""
    services: tuple[Callable[[Parts], tuple[Machine, ...]], ...] = (orchestrator, prepare, ast, llm_review, commenter)
    return tuple(machine for service in services for machine in service(parts))


def orchestrator(parts: Parts) -> tuple[Machine, ...]:
    bench = parts.bench
    sink = ProducerSink(bench.log.producer(), bench.store.outbox)
    shards = ShardLeases(bench.store.leases, parts.holder, bench.tools.clock)
    return (*deciding(bench, OrchestratorFold(parts.rules)), relay(bench, sink, shards))


def prepare(parts: Parts) -> tuple[Machine, ...]:
    blobs = parts.bench.store.blobs
    handler = PrepareHandler(
        blobs=blobs,
        readers=parts.readers,
        repositories=parts.repositories,
        changes=ChangeReader(parts.sources, blobs),
        wanted=parts.wanted,
        clock=parts.bench.tools.clock,
    )
    return worker_loops("prepare", OneByOne(bound(PREPARE_HANDLES, handler)), parts.bench.tools)


def ast(parts: Parts) -> tuple[Machine, ...]:
    handler = AstHandler(
        blobs=parts.bench.store.blobs,
        sources=parts.sources,
        repositories=parts.repositories,
        pool=parts.pool,
        wanted=parts.wanted,
        limits=parts.ast.limits,
    )
    return worker_loops("ast", OneByOne(bound(AST_HANDLES, handler)), parts.bench.tools)


def llm_review(parts: Parts) -> tuple[Machine, ...]:
    handler = ReviewHandler(parts.bench.store.blobs, parts.model, parts.answers, parts.wanted, parts.llm.limits)
    work = OneByOne(bound(MODEL_HANDLES, handler), concurrency=parts.llm.concurrency)
    return worker_loops("llm-review", work, parts.bench.tools)


def commenter(parts: Parts) -> tuple[Machine, ...]:
    tools = parts.bench.tools
    handler = Commenter(
        store=parts.bench.store,
        platforms=parts.platforms,
        wanted=parts.wanted,
        clock=tools.clock,
        steps=tools.steps,
        voice=parts.voice,
        timing=parts.timing,
        doubts=Doubts(tools.clock),
        holder=parts.holder,
    )
    return worker_loops("commenter", OneByOne(bound(COMMENTER_HANDLES, handler)), tools)
