"""Builds ingest from its environment: the store, the doors, the HTTP server."""

from penstock_contracts.codec import Codec
from penstock_ingest.adapters.doors import open_doors
from penstock_ingest.app import build_app
from penstock_ingest.handler import Backlog, Receiver
from penstock_ingest.settings import IngestSettings
from penstock_platforms import registry
from penstock_runtime.operations import Check
from penstock_runtime.service import Context, Service
from penstock_runtime.serving import HttpServer
from penstock_runtime.settings import platform_access
from penstock_store.postgres.database import PoolSettings
from penstock_store.postgres.store import PostgresStore


async def build(context: Context) -> Service:
    settings = context.load(IngestSettings)
    doors = open_doors(platform_access(context.environ), settings.unsigned, registry.webhook)
    codec = Codec()
    pool = PoolSettings(size=settings.pool_size, application_name=context.name)
    store = await PostgresStore.open(settings.database_url.reveal(), pool, codec=codec, steps=context.steps)
    await store.schemas.upsert(codec.schemas())
    receiver = Receiver(
        receipts=store.receipts,
        doors=doors,
        codec=codec,
        clock=context.clock,
        backlog=Backlog.of(settings.pool_size, settings.store_seconds),
    )
    app = build_app(receiver, context.metrics, settings.largest_body)
    return Service(
        servers=(HttpServer("webhooks", app, settings.host, settings.port, "PENSTOCK_INGEST_PORT"),),
        checks=(Check("database", store.check),),
        close=(store.close,),
    )
