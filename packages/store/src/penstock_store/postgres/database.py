"""One connection pool, its transactions, and what happens when the server goes away."""

import select
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from penstock_store.errors import FenceLost
from penstock_store.postgres.continuity import IN_ORDER, Continuity
from penstock_store.postgres.failures import translated
from penstock_store.postgres.rounds import in_rounds
from penstock_store.rows import Lease

R = TypeVar("R")
Connection = AsyncConnection[Any]
Values = Sequence[Any]

_FENCE = """
select 1 from workflow.leases
where key = %s and holder = %s and fence = %s and expires_at > clock_timestamp() for share
"""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How connections are made.

    Beside a pooler in transaction mode: prepare_threshold None and no session options, which it does not pass on.
    A process that is frozen inside a transaction is cut off by the server, so that others get its locks.
    """

    size: int = 12
    application_name: str = "penstock"
    connect_timeout: int = 5
    checkout_timeout: float = 5.0
    prepare_threshold: int | None = 3
    session_options: str = "-c idle_in_transaction_session_timeout=20s"

    def in_order(self) -> "PoolSettings":
        """The same, for commits that nobody waits for."""
        return replace(self, session_options=f"{self.session_options} {IN_ORDER}".strip())

    def connection(self) -> dict[str, Any]:
        """What every connection is opened with; one that hangs is found by keep-alives."""
        options = {"options": self.session_options} if self.session_options else {}
        return options | {
            "autocommit": True,
            "prepare_threshold": self.prepare_threshold,
            "application_name": self.application_name,
            "connect_timeout": self.connect_timeout,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        }


class Database:
    """Hands out connections; errors leave it translated."""

    def __init__(self, url: str, settings: PoolSettings, continuity: Continuity | None = None) -> None:
        self._continuity = continuity
        self._pool = AsyncConnectionPool(
            url,
            kwargs=settings.connection(),
            min_size=1,
            max_size=settings.size,
            configure=continuity.look if continuity else None,
            check=self._works,
            timeout=settings.checkout_timeout,
            # The pool gives up soon and the next caller makes it try again, instead of waiting ever longer.
            reconnect_timeout=1.0,
            open=False,
            name=settings.application_name,
        )

    async def open(self) -> None:
        with translated():
            await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """In autocommit: a single statement is its own transaction."""
        with translated():
            async with self._pool.connection() as connection:
                if self._continuity:
                    self._continuity.check()
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Connection]:
        """A transaction whose statements are sent together when a result is asked for, and at its end. Begin and commit
        are statements like the others: psycopg's own transaction block waits for the server three times."""
        async with self.connection() as connection:
            in_rounds(connection)
            try:
                async with connection.pipeline():
                    await connection.execute("begin")
                    yield connection
                    await connection.execute("commit")
            except BaseException:
                with suppress(psycopg.Error):  # then it is broken, and the pool throws it away
                    await connection.rollback()
                raise

    async def rows(self, row: type[R], statement: LiteralString, values: Values = ()) -> list[R]:
        """Columns are given to the row class by name."""
        async with self.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(row))
            return await (await cursor.execute(statement, values)).fetchall()

    async def tuples(self, statement: LiteralString, values: Values = ()) -> list[tuple[Any, ...]]:
        """Many rows: they come in binary form, in which bytes are not spelled out."""
        async with self.connection() as connection:
            return await (await connection.execute(statement, values, binary=True)).fetchall()

    async def value(self, statement: LiteralString, values: Values = ()) -> Any:
        """The first column of the first row; None where there is no row."""
        async with self.connection() as connection:
            found = await (await connection.execute(statement, values)).fetchone()
            return found[0] if found else None

    async def execute(self, statement: LiteralString, values: Values = ()) -> int:
        """How many rows were touched."""
        async with self.connection() as connection:
            return (await connection.execute(statement, values)).rowcount

    async def _works(self, connection: Connection) -> None:
        """Before each lending: after a restart of the server every connection that rested is dead, and who is lent one
        loses its call. The first that is found has all others looked at, so that nobody meets a second."""
        try:
            if _was_spoken_to(connection):
                await self._pool.check_connection(connection)
        except psycopg.Error:
            await self._pool.check()
            raise


def _was_spoken_to(connection: Connection) -> bool:
    """While a connection rests the server has nothing to say, but that it goes away. Asked of the system, not of the
    server: that takes a microsecond. Raises psycopg.OperationalError for one that is known to be closed."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


async def check_fence(connection: Connection, lease: Lease) -> None:
    """The row stays locked until the transaction ends: nobody takes the lease over meanwhile."""
    cursor = await connection.execute(_FENCE, (lease.key, lease.holder, lease.fence))
    if await cursor.fetchone() is None:
        raise FenceLost(lease.key, lease.fence)
