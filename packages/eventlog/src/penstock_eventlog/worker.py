"""What keeps a service small: which log there is, and a loop for each of its groups, from the flow table."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from penstock_contracts.codec import Codec
from penstock_eventlog.groups import group_of, groups_of
from penstock_eventlog.loop import Limits, Loop, Tools
from penstock_eventlog.ports import Log
from penstock_eventlog.work import Work
from penstock_store.ports import Store
from penstock_store.rows import Lease

NOTHING: Mapping[str, Work] = MappingProxyType({})


def open_log(
    store: Store,
    *,
    bootstrap: str = "",
    config: Path | None = None,
    prefix: str = "",
    instance: str = "",
    lease: Callable[[], Lease | None] = lambda: None,
) -> Log:
    """Kafka where PENSTOCK_KAFKA_BOOTSTRAP names it, else the log in the store, which needs the lease `penstock:up`.
    Raises LogMisconfigured."""
    if not bootstrap:
        from penstock_eventlog.postgres import PostgresLog

        return PostgresLog(store, lease)
    from penstock_eventlog.kafka import KafkaAddress, KafkaLog, read_properties

    return KafkaLog(KafkaAddress(bootstrap, prefix, read_properties(config), instance))


def worker_loops(
    service: str, work: Work, tools: Tools, *, limits: Limits | None = None, also: Mapping[str, Work] = NOTHING
) -> tuple[Loop, ...]:
    """A loop for each group of a service; each may handle as many records at once as `work` says. `also`: topics that
    the service listens to besides, such as workflow.events, and what it does there; each has a group of its own."""
    groups = [(group, topics, work) for group, topics in groups_of(service).items()]
    groups += [(f"{group_of(service)}-{topic}", (topic,), beside) for topic, beside in also.items()]
    return tuple(
        Loop(group, topics, each, tools, source=source_of(service), limits=limits or Limits())
        for group, topics, each in groups
    )


def source_of(service: str) -> str:
    return f"penstock/{service}"


async def publish_schemas(store: Store, codec: Codec) -> None:
    """At start: whoever reads what we write may look its schema up."""
    await store.schemas.upsert(codec.schemas())
