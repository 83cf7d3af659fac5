"""Builds the console from its environment: the store, the API, who may use it."""

import logging

from penstock_console.api import build_app
from penstock_console.handler import Desk
from penstock_console.settings import ConsoleSettings
from penstock_console.tokens import LOOPBACK, Tokens
from penstock_contracts.codec import Codec
from penstock_runtime.errors import SettingsError
from penstock_runtime.operations import Check
from penstock_runtime.service import Context, Service
from penstock_runtime.serving import HttpServer
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


async def build(context: Context) -> Service:
    settings = context.load(ConsoleSettings)
    tokens = tokens_of(settings)
    codec = Codec()
    pool = PoolSettings(size=settings.pool_size, application_name=context.name)
    store = await PostgresStore.open(settings.database_url.reveal(), pool, codec=codec, steps=context.steps)
    await store.schemas.upsert(codec.schemas())
    app = build_app(Desk(store, codec), tokens)
    return Service(
        servers=(HttpServer("api", app, settings.host, settings.port, "PENSTOCK_CONSOLE_PORT"),),
        checks=(Check("database", store.check),),
        close=(store.close,),
    )
