"""All rooms of the PostgreSQL store, on one pool, or on two.

Where the log is a table of the same database (`penstock up`), what passes between the stages may be committed in order
without waiting for the disk: `inner` is the pool for that. A crash of the server then loses the last of it, and what
is left is a moment that was, from which everything is done again. Rooms that somebody outside relies on stay on the
first pool: whoever commits there waits until that and all before it, on either pool, is on disk.
"""

import asyncio
from datetime import datetime

import psycopg

from penstock_contracts.codec import Codec
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store import ports
from penstock_store.cache import Cache
from penstock_store.effects import Effects
from penstock_store.encoding import DEFAULT, StateEncoding
from penstock_store.errors import StoreUnavailable
from penstock_store.hints import Hints
from penstock_store.postgres.cache import PostgresCache
from penstock_store.postgres.continuity import Continuity
from penstock_store.postgres.database import Database, PoolSettings
from penstock_store.postgres.effects import PostgresBlobs, PostgresEffects, PostgresSchemas
from penstock_store.postgres.failures import connecting
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.jobs import PostgresExecutions, PostgresJobs, PostgresTimers
from penstock_store.postgres.leases import PostgresLeases
from penstock_store.postgres.letters import PostgresDeadLetters, PostgresDeliveries
from penstock_store.postgres.outbox import PostgresLog, PostgresOutbox, PostgresReceipts
from penstock_store.postgres.restoring import PostgresRestoring
from penstock_store.postgres.retention import PostgresRetention
from penstock_store.postgres.spending import PostgresSpending
from penstock_store.postgres.streams import PostgresStreams
from penstock_store.postgres.versions import check_version, check_writable
from penstock_store.restoring import Restoring
from penstock_store.spending import Spending


class PostgresStore:
    """Made by `open`; to be closed on the same event loop."""

    def __init__(
        self,
        database: Database,
        hints: PostgresHints,
        codec: Codec,
        steps: Steps,
        *,
        encoding: StateEncoding = DEFAULT,
        inner: Database | None = None,
    ) -> None:
        inner = inner or database
        self._databases = (database, inner)
        self._hints = hints
        self.hints: Hints = hints
        self.streams: ports.Streams = PostgresStreams(inner, codec, steps, hints, encoding)
        self.receipts: ports.Receipts = PostgresReceipts(database, steps, hints)
        self.outbox: ports.Outbox = PostgresOutbox(inner, steps, hints)
        self.log: ports.LogTable = PostgresLog(inner)
        self.timers: ports.Timers = PostgresTimers(inner)
        self.leases: ports.Leases = PostgresLeases(database)
        self.executions: ports.Executions = PostgresExecutions(inner)
        self.jobs: ports.Jobs = PostgresJobs(database)
        self.deliveries: ports.Deliveries = PostgresDeliveries(inner)
        self.dead_letters: ports.DeadLetters = PostgresDeadLetters(database, hints)
        self.blobs: ports.Blobs = PostgresBlobs(inner)
        self.effects: Effects = PostgresEffects(database)
        self.cache: Cache = PostgresCache(database)
        self.spending: Spending = PostgresSpending(database)
        self.schemas: ports.Schemas = PostgresSchemas(database)
        self.restoring: Restoring = PostgresRestoring(database, hints)
        self.retention: ports.Retention | None = PostgresRetention(database)

    @classmethod
    async def open(
        cls,
        url: str,
        settings: PoolSettings | None = None,
        *,
        direct_url: str = "",
        codec: Codec | None = None,
        steps: Steps = NO_STEPS,
        encoding: StateEncoding = DEFAULT,
        inner: PoolSettings | None = None,
    ) -> "PostgresStore":
        """Raises WrongCredentials, SchemaMismatch or StoreUnavailable. `direct_url`: beside a pooler, for LISTEN.
        `inner`: only where the server is talked to directly, since a pooler hides its crash."""
        settings = settings or PoolSettings()
        await _check_version(url, settings)
        continuity = Continuity() if inner else None
        databases = [Database(url, each, continuity) for each in (settings, inner) if each]
        for database in databases:
            await database.open()
        hints = PostgresHints(databases[0], direct_url or url, settings)
        return cls(databases[0], hints, codec or Codec(), steps, encoding=encoding, inner=databases[-1])

    async def now(self) -> datetime:
        now: datetime = await self._databases[-1].value("select clock_timestamp()")
        return now

    async def check(self) -> None:
        async with self._databases[-1].connection() as connection:
            await check_version(connection)
            await check_writable(connection)

    async def close(self) -> None:
        await self._hints.close()
        for database in dict.fromkeys(self._databases):
            await database.close()


async def _check_version(url: str, settings: PoolSettings) -> None:
    """On a connection of its own: a pool would go on trying with a wrong password, and not say why. A server that
    freezes once it has let us in would be waited for without end: the system answers in its place."""
    within = settings.connect_timeout
    with connecting():
        async with await psycopg.AsyncConnection.connect(url, **settings.connection()) as connection:
            try:
                async with asyncio.timeout(within):
                    await check_version(connection)
            except TimeoutError as error:
                raise StoreUnavailable(f"no answer within {within} seconds") from error
