"""Builds all services on one workbench: one pool, the log in the log table, one relay under one lease."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from penstock.alone.tenancy import Revive, Tenancy
from penstock.services import assemble_of, build_of
from penstock_contracts.codec import Codec
from penstock_eventlog.postgres import PostgresLog
from penstock_eventlog.shard_leases import OneLease
from penstock_eventlog.sinks import LogTableSink
from penstock_eventlog.workbench import Assemble, Workbench, WorkerSettings, loop_checks, workbench
from penstock_eventlog.worker import publish_schemas
from penstock_orchestrator.bootstrap import deciding, keepers, relay
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.process import Build, Context, Service
from penstock_store.postgres.database import PoolSettings
from penstock_store.postgres.store import PostgresStore

WORKERS = ("prepare", "ast", "llm-review", "commenter")
SERVERS = ("console", "ingest")
_NAME = "penstock up"


def builds(revive: Revive = lambda: None) -> Mapping[str, Build]:
    """The workers stand on one workbench; the two servers are as they are everywhere."""

    async def build(context: Context) -> Service:
        return await build_workers(context, revive)

    return {"workers": build, **{name: build_of(name) for name in SERVERS}}


async def build_workers(
    context: Context, revive: Revive = lambda: None, workers: Sequence[Assemble] | None = None
) -> Service:
    """`workers`: others than the real ones, as a bench needs that measures what stands around them."""
    settings = context.load(WorkerSettings)
    codec = Codec()
    door = await PostgresStore.open(settings.database_url.reveal(), PoolSettings(1, f"{_NAME}: tenancy"))
    tenancy = Tenancy(door.leases, context.instance, context.clock, revive)
    await tenancy.take()
    store = await _open_store(context, settings, codec)
    await publish_schemas(store, codec)
    log = PostgresLog(store, tenancy.lease)
    bench = workbench(context, store, log, codec)
    sink = LogTableSink(store.outbox, await log.partitions(), log.grown)
    fold = OrchestratorFold(context.load(OrchestratorSettings).rules())
    machines = (
        tenancy,
        *deciding(bench, fold),
        relay(bench, sink, OneLease(tenancy.lease)),
        *keepers(context, bench, fold),
    )
    assembles = [assemble_of(name) for name in WORKERS] if workers is None else workers
    services = [await assemble(context, bench) for assemble in assembles]
    return _together(Service(machines=machines), services, bench, (tenancy.release, door.close))


async def _open_store(context: Context, settings: WorkerSettings, codec: Codec) -> PostgresStore:
    """Once the database is ours: what this process remembers of it begins here, and ends with a crash of the server.
    Beside a pooler, which hides a crash, every commit is waited for."""
    waited = max(1, settings.pool_size // 3)
    inner = PoolSettings(max(1, settings.pool_size - waited), _NAME).in_order()
    direct = settings.database_direct_url
    return await PostgresStore.open(
        settings.database_url.reveal(),
        PoolSettings(settings.pool_size if direct else waited, _NAME),
        direct_url=direct.reveal() if direct else "",
        codec=codec,
        steps=context.steps,
        encoding=settings.state_encoding,
        inner=None if direct else inner,
    )


def _together(
    orchestrator: Service, workers: Sequence[Service], bench: Workbench, close: Sequence[Callable[[], Awaitable[None]]]
) -> Service:
    machines = tuple(machine for service in (orchestrator, *workers) for machine in service.machines)
    return Service(
        machines=machines,
        checks=(*bench.checks, *loop_checks(machines), *(check for service in workers for check in service.checks)),
        close=(*(close for service in workers for close in service.close), *bench.close, *close),
    )
