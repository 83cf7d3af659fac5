"""What every worker process stands on, opened once from its environment: the store, the log, the tools of its loops.

    async def assemble(context: Context, bench: Workbench) -> Service: ...

    build = standing_apart(assemble)

Both stand in each service's bootstrap.py; `penstock up` hands one workbench to the `assemble` of all of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from penstock_contracts.codec import Codec
from penstock_eventlog.errors import LogMisconfigured
from penstock_eventlog.loop import Loop, Tools
from penstock_eventlog.ports import Log
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.worker import open_log, publish_schemas
from penstock_runtime import parsers
from penstock_runtime.machine import Machine
from penstock_runtime.operations import Check
from penstock_runtime.parsers import Parser, Secret
from penstock_runtime.process import Context, Service
from penstock_runtime.settings import setting
from penstock_store.encoding import DEFAULT as DEFAULT_ENCODING
from penstock_store.encoding import StateEncoding
from penstock_store.ports import Store

Assemble = Callable[[Context, "Workbench"], Awaitable[Service]]
STATE_ENCODING: Parser[StateEncoding] = Parser(
    f"one of {', '.join(StateEncoding)}", lambda text: StateEncoding(text.lower())
)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What every worker reads, whatever it does."""

    database_url: Secret = setting(
        "PENSTOCK_DATABASE_URL", parsers.secret_url("postgresql", "postgres"), about="where everything is kept"
    )
    database_direct_url: Secret | None = setting(
        "PENSTOCK_DATABASE_DIRECT_URL",
        parsers.optional(parsers.secret_url("postgresql", "postgres"), ""),
        None,
        about="beside a pooler: the server itself, for LISTEN",
    )
    pool_size: int = setting(
        "PENSTOCK_POOL_SIZE", parsers.whole(1, 1000), 12, about="database connections of this process at most"
    )
    state_encoding: StateEncoding = setting(
        "PENSTOCK_STATE_ENCODING",
        STATE_ENCODING,
        DEFAULT_ENCODING,
        about="how the states of pull requests are stored; each is read as it was written, so it may change any time",
    )
    kafka_bootstrap: str = setting(
        "PENSTOCK_KAFKA_BOOTSTRAP", parsers.text, "", about="brokers; without them the log is a table of the database"
    )
    kafka_config: Path | None = setting(
        "PENSTOCK_KAFKA_CONFIG",
        parsers.optional(parsers.path, ""),
        None,
        about="a properties file for the Kafka client: SASL, TLS",
    )
    topic_prefix: str = setting(
        "PENSTOCK_TOPIC_PREFIX", parsers.text, "", about="put before every topic and group, to share a cluster"
    )
    instance: str = setting(
        "PENSTOCK_INSTANCE",
        parsers.text,
        "",
        about="a name that this process alone has among those of its service, and keeps when it is started again, such "
        "as its pod's in a StatefulSet: then Kafka gives it its partitions back at once",
    )


@dataclass(frozen=True, slots=True)
class Workbench:
    """Shared by all loops of a process. Whoever opened it closes it."""

    store: Store
    log: Log
    tools: Tools
    holder: str
    """Whose the leases of this process are. Under a name that lasts it has them back as soon as it is started again,
    with a new fence; a lease that must be waited for, since what was begun under it may still land, is taken under
    the name of the process itself."""
    checks: tuple[Check, ...] = ()
    close: tuple[Callable[[], Awaitable[None]], ...] = ()

    def owned(self, service: Service) -> Service:
        """The service of a process of its own: readiness and closing of what it stands on belong to it."""
        checks = (*self.checks, *loop_checks(service.machines), *service.checks)
        return replace(service, checks=checks, close=(*service.close, *self.close))


def loop_checks(machines: Sequence[Machine]) -> tuple[Check, ...]:
    """A loop that left its group does nothing more, which its process has to say."""
    return tuple(Check(one.name, one.check) for one in machines if isinstance(one, Loop))


def workbench(context: Context, store: Store, log: Log, codec: Codec, instance: str = "") -> Workbench:
    tools = Tools(
        log=log,
        store=store,
        codec=codec,
        metrics=context.metrics,
        solitude=Solitude(),
        clock=context.clock,
        steps=context.steps,
        tracer=context.tracer,
    )
    checks = (Check("database", store.check), Check("log", log.check))
    holder = f"{context.name}@{instance}" if instance else context.instance
    return Workbench(store, log, tools, holder, checks, close=(log.close, store.close))


async def open_workbench(context: Context) -> Workbench:
    """Of a service that is its own process. Raises StoreError, LogMisconfigured."""
    from penstock_store.postgres.database import PoolSettings
    from penstock_store.postgres.store import PostgresStore

    settings = context.load(WorkerSettings)
    if not settings.kafka_bootstrap:
        raise LogMisconfigured(
            "PENSTOCK_KAFKA_BOOTSTRAP is not set: services that run apart need Kafka between them; "
            "`penstock up` runs all of them in one process without it"
        )
    codec = Codec()
    direct = settings.database_direct_url
    store = await PostgresStore.open(
        settings.database_url.reveal(),
        PoolSettings(size=settings.pool_size, application_name=f"penstock {context.name}"),
        direct_url=direct.reveal() if direct else "",
        codec=codec,
        steps=context.steps,
        encoding=settings.state_encoding,
    )
    await publish_schemas(store, codec)
    log = open_log(
        store,
        bootstrap=settings.kafka_bootstrap,
        config=settings.kafka_config,
        prefix=settings.topic_prefix,
        instance=settings.instance,
    )
    return workbench(context, store, log, codec, settings.instance)


def standing_apart(assemble: Assemble) -> Callable[[Context], Awaitable[Service]]:
    """The `build` of a service that is a process of its own."""

    async def build(context: Context) -> Service:
        bench = await open_workbench(context)
        return bench.owned(await assemble(context, bench))

    return build
