"""Puts the preparation together: the only place that knows which adapters stand behind its ports."""

from collections.abc import Mapping
from datetime import timedelta

from penstock_eventlog.handles import bound
from penstock_eventlog.loop import Loop
from penstock_eventlog.wanted import Wanted
from penstock_eventlog.work import OneByOne
from penstock_eventlog.workbench import Workbench, standing_apart
from penstock_eventlog.worker import worker_loops
from penstock_platforms import registry
from penstock_platforms.outgoing import limits_of
from penstock_platforms.ports import Platform
from penstock_prepare.adapters.readers import PlatformReaders
from penstock_prepare.handler import HANDLES, PrepareHandler
from penstock_prepare.ports import Readers
from penstock_prepare.reading import ChangeReader
from penstock_prepare.resolving import TTL, Configurations
from penstock_prepare.settings import PrepareSettings
from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.metrics import Metrics
from penstock_runtime.process import Context, Service
from penstock_runtime.settings import load, platform_access
from penstock_sources.access import Repositories, SourceSettings
from penstock_sources.mirrors import GitMirrors
from penstock_sources.ports import Sources

_CONCURRENCY = 8

SERVICE = "prepare"


async def assemble(context: Context, bench: Workbench) -> Service:
    """Raises SettingsError."""
    readers = readers_of(context.environ, context.metrics)
    sources = GitMirrors(context.load(SourceSettings).mirrors)
    repositories = Repositories.of_environment(context.environ)
    settings = context.load(PrepareSettings)
    machines = loops(
        bench,
        readers,
        sources,
        repositories,
        ignored_authors=settings.ignored_authors,
        configuration_ttl=settings.configuration_ttl,
    )
    return Service(machines=machines, close=(readers.close,))


def loops(
    bench: Workbench,
    readers: Readers,
    sources: Sources,
    repositories: Repositories,
    *,
    ignored_authors: tuple[str, ...] = (),
    configuration_ttl: timedelta = TTL,
) -> tuple[Loop, ...]:
    """On whatever platform and repositories are given."""
    handler = PrepareHandler(
        blobs=bench.store.blobs,
        readers=readers,
        repositories=repositories,
        changes=ChangeReader(sources, bench.store.blobs),
        configurations=Configurations.within(bench.store.cache, bench.tools.metrics, configuration_ttl),
        wanted=Wanted(bench.store.executions),
        clock=bench.tools.clock,
        ignored_authors=ignored_authors,
    )
    return worker_loops(SERVICE, OneByOne(bound(HANDLES, handler), concurrency=_CONCURRENCY), bench.tools)


def readers_of(environ: Mapping[str, str], metrics: Metrics) -> PlatformReaders:
    """A client for every platform that has a token and that we speak with. Raises SettingsError."""
    platforms: dict[str, Platform] = {}
    limits = limits_of(load(OutgoingSettings, environ))
    for name, access in platform_access(environ).items():
        connect = registry.connector(name)
        if connect is not None and access.token is not None:
            token = access.token.reveal()
            address = {} if access.url is None else {"url": access.url}
            platforms[name] = connect(token, limits=limits, metrics=metrics, **address)
    return PlatformReaders(platforms)


build = standing_apart(assemble)
