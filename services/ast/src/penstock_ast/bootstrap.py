"""Puts the analysis together: the only place that knows which adapters stand behind its ports."""

from penstock_ast.adapters.pool import ProcessPool
from penstock_ast.handler import HANDLES, AstHandler
from penstock_ast.ports import Pool
from penstock_ast.settings import AstSettings
from penstock_eventlog.handles import bound
from penstock_eventlog.loop import Loop
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_runtime.process import Context, Service
from penstock_sources.access import Repositories, SourceSettings
from penstock_sources.mirrors import GitMirrors
from penstock_sources.ports import Sources

SERVICE = "ast"


async def assemble(context: Context, bench: Workbench) -> Service:
    """Raises SettingsError."""
    settings = context.load(AstSettings)
    pool = ProcessPool(settings.workers, settings.file_seconds)
    sources = GitMirrors(context.load(SourceSettings).mirrors)
    repositories = Repositories.of_environment(context.environ)
    return Service(machines=loops(bench, settings, sources, repositories, pool), close=(pool.close,))


def loops(
    bench: Workbench, settings: AstSettings, sources: Sources, repositories: Repositories, pool: Pool
) -> tuple[Loop, ...]:
    """On whatever repositories and pool are given."""
    handler = AstHandler(
        blobs=bench.store.blobs,
        sources=sources,
        repositories=repositories,
        pool=pool,
        wanted=Wanted(bench.store.executions),
        limits=settings.limits,
    )
    return worker_loops(SERVICE, OneByOne(bound(HANDLES, handler), concurrency=settings.workers), bench.tools)


build = standing_apart(assemble)
