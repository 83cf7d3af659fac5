"""Builds ingest from its environment: the store, the doors, the HTTP server."""

from dataclasses import replace

from penstock_contracts.codec import Codec
from penstock_ingest.adapters.doors import open_doors, refuse_another_name
from penstock_ingest.app import build_app
from penstock_ingest.handler import Backlog, Receiver
from penstock_ingest.settings import DatabaseSettings, IngestSettings
from penstock_platforms import registry
from penstock_runtime.operations import Check
from penstock_runtime.process import Context, Service
from penstock_runtime.serving import HttpServer
from penstock_runtime.settings import platform_access
from penstock_store.ports import Store
from penstock_store.postgres.database import PoolSettings
from penstock_store.postgres.store import PostgresStore


async def assemble(context: Context, store: Store, codec: Codec) -> Service:
    """On a store that somebody else opened and closes, as where all services share a process."""
    settings = context.load(IngestSettings)
    access = platform_access(context.environ)
    doors = open_doors(access, settings.unsigned, registry.webhook)
    await refuse_another_name(doors, access, store.streams)
    receiver = Receiver(
        receipts=store.receipts,
        doors=doors,
        codec=codec,
        clock=context.clock,
        backlog=Backlog.of(settings.pool_size, settings.store_seconds),
    )
    app = build_app(receiver, context.metrics, settings.largest_body)
    return Service(servers=(HttpServer("webhooks", app, settings.host, settings.port, "PENSTOCK_INGEST_PORT"),))


async def build(context: Context) -> Service:
    """As a process of its own."""
    settings = context.load(DatabaseSettings)
    pool = PoolSettings(size=settings.pool_size, application_name=f"penstock {context.name}")
    codec = Codec()
    store = await PostgresStore.open(settings.database_url.reveal(), pool, codec=codec, steps=context.steps)
    await store.schemas.upsert(codec.schemas())
    service = await assemble(context, store, codec)
    return replace(service, checks=(Check("database", store.check),), close=(store.close,))
