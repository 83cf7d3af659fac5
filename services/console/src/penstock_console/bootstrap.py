"""Builds the console from its environment: the store, the API, who may use it."""

import logging
from dataclasses import replace

from penstock_console.api import build_app
from penstock_console.handler import Desk
from penstock_console.settings import ConsoleSettings, DatabaseSettings
from penstock_console.tokens import LOOPBACK, Tokens
from penstock_contracts.codec import Codec
from penstock_runtime.errors import SettingsError
from penstock_runtime.operations import Check
from penstock_runtime.process import Context, Service
from penstock_runtime.serving import HttpServer
from penstock_store.ports import Store
from penstock_store.postgres.database import PoolSettings
from penstock_store.postgres.store import PostgresStore

_log = logging.getLogger(__name__)


def tokens_of(settings: ConsoleSettings) -> Tokens:
    """Raises SettingsError where the API would be open to others without a token."""
    if settings.token is not None:
        return Tokens.read(settings.token.reveal())
    if settings.host not in LOOPBACK:
        raise SettingsError(
            (f"PENSTOCK_API_TOKEN is missing: without one the API listens on 127.0.0.1 only, not on {settings.host}",)
        )
    _log.warning("PENSTOCK_API_TOKEN is not set: the API listens on this host only and asks for no token")
    return Tokens()


async def assemble(context: Context, store: Store, codec: Codec) -> Service:
    """On a store that somebody else opened and closes, as where all services share a process."""
    settings = context.load(ConsoleSettings)
    app = build_app(Desk(store, codec), tokens_of(settings), context.metrics)
    return Service(servers=(HttpServer("api", app, settings.host, settings.port, "PENSTOCK_CONSOLE_PORT"),))


async def build(context: Context) -> Service:
    """As a process of its own."""
    settings = context.load(DatabaseSettings)
    pool = PoolSettings(size=settings.pool_size, application_name=f"penstock {context.name}")
    codec = Codec()
    store = await PostgresStore.open(settings.database_url.reveal(), pool, codec=codec, steps=context.steps)
    await store.schemas.upsert(codec.schemas())
    service = await assemble(context, store, codec)
    return replace(service, checks=(Check("database", store.check),), close=(store.close,))
