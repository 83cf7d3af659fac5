"""Chooses what stands behind the ports of a review: memory, the working copy, and the model of the environment."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry

from penstock.reviewing.composition import Parts
from penstock.reviewing.local_platform import LocalPlatform
from penstock.reviewing.pool import NearPool
from penstock.reviewing.ranges import Chosen
from penstock.reviewing.session import pull_request
from penstock.reviewing.sources import NarrowedSources
from penstock_ast.adapters.pool import ProcessPool
from penstock_ast.settings import AstSettings
from penstock_commenter.identity import Markers
from penstock_commenter.occasion import Voice
from penstock_commenter.settings import CommenterSettings
from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_contracts.flow import TOPICS
from penstock_eventlog.loop import Tools
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.workbench import Workbench
from penstock_llm_review.bootstrap import model_of
from penstock_llm_review.settings import ModelSettings
from penstock_orchestrator.rules import Rules
from penstock_runtime.clock import SystemClock
from penstock_runtime.logs import Redactor
from penstock_runtime.metrics import Metrics
from penstock_runtime.retry import AGGRESSIVE, FAST
from penstock_runtime.settings import load, secrets_in
from penstock_sources.access import Repositories
from penstock_store.memory.store import MemoryStore

# Somebody waits in front of a terminal: what fails is tried again soon, or given up.
_SCHEDULES = dict.fromkeys(Stage, FAST) | {Stage.PR_REVIEW: AGGRESSIVE, Stage.FILES_REVIEW: AGGRESSIVE}


@asynccontextmanager
async def opened(chosen: Chosen, sources: NarrowedSources, environ: Mapping[str, str]) -> AsyncIterator[Parts]:
    """Closes what it opened. Raises SettingsError, SourceError."""
    ast, llm = load(AstSettings, environ), load(ModelSettings, environ)
    comments = load(CommenterSettings, environ)
    bench = _bench()
    platform = LocalPlatform(sources, await pull_request(chosen, sources))
    pool = NearPool(ProcessPool(ast.workers, ast.file_seconds))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        model = model_of(llm, environ, bench.tools.metrics, bench.tools.clock)
        if model is not None:
            stack.push_async_callback(model.close)
        yield Parts(
            bench=bench,
            readers=platform,
            platforms=platform,
            sources=sources,
            repositories=Repositories({}),
            pool=pool,
            model=model,
            rules=Rules(_SCHEDULES),
            voice=Voice("penstock", Markers(b"local"), Redactor(secrets_in(environ)).redact),
            ast=ast,
            llm=llm,
            comments=comments,
        )


def _bench() -> Workbench:
    """One partition of each topic: nobody shares the work."""
    clock, codec = SystemClock(), Codec()
    store, log = MemoryStore(clock, codec=codec), MemoryLog({topic.name: 1 for topic in TOPICS})
    tools = Tools(log, store, codec, Metrics(CollectorRegistry()), Solitude(), clock)
    return Workbench(store, log, tools, "review")
