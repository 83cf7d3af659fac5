"""All services of one process, each on whatever store, log, platform and repositories are given.

`penstock up` lets each service choose its adapters from the environment; here they are chosen for them.
"""

from dataclasses import dataclass

from penstock_ast import bootstrap as ast
from penstock_ast.ports import Pool
from penstock_ast.settings import AstSettings
from penstock_commenter import bootstrap as commenter
from penstock_commenter.occasion import Voice
from penstock_commenter.ports import Platforms
from penstock_commenter.settings import CommenterSettings
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_eventlog.workbench import Workbench
from penstock_llm_review import bootstrap as llm_review
from penstock_llm_review.ports import Model
from penstock_llm_review.settings import ModelSettings
from penstock_orchestrator.bootstrap import deciding, relay
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_prepare import bootstrap as prepare
from penstock_prepare.ports import Readers
from penstock_runtime.machine import Machine
from penstock_sources.access import Repositories
from penstock_sources.ports import Sources

HOLDER = "penstock review"


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
    rules: Rules
    voice: Voice
    ast: AstSettings
    llm: ModelSettings
    comments: CommenterSettings


def machines(parts: Parts) -> tuple[Machine, ...]:
    """Everything that turns pr.received into something said, for a log with a producer of its own."""
    bench, sources, repositories = parts.bench, parts.sources, parts.repositories
    sink = ProducerSink(bench.log.producer(), bench.store.outbox)
    shards = ShardLeases(bench.store.leases, HOLDER, bench.tools.clock)
    speaking = commenter.commenter_of(bench, parts.platforms, parts.voice, parts.comments, HOLDER)
    return (
        *deciding(bench, OrchestratorFold(parts.rules)),
        relay(bench, sink, shards),
        *prepare.loops(bench, parts.readers, sources, repositories),
        *ast.loops(bench, parts.ast, sources, repositories, parts.pool),
        *llm_review.loops(bench, parts.llm, parts.model),
        *commenter.loops(bench, speaking),
    )
