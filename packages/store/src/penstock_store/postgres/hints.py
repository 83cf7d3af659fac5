"""Hints between processes by LISTEN and NOTIFY. A NOTIFY takes a lock of the whole database at its commit, so there is
at most one per hint and pause, in a transaction of its own; losing one costs a poll."""

import asyncio
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, LiteralString

import psycopg

from penstock_store.errors import StoreError
from penstock_store.hints import Hint, LocalHints
from penstock_store.postgres.continuity import LAZILY
from penstock_store.postgres.database import Database, PoolSettings

_CHANNEL = "penstock_hints"
_NOTIFY: LiteralString = f"select pg_notify(%s, hint) from unnest(%s::text[]) as hint, {LAZILY}"
_PAUSE = 0.02
_RECONNECT_PAUSE = 1.0


class PostgresHints:
    """Subscribers of this process are woken at once, those of others within a few hundredths of a second."""

    def __init__(self, database: Database, listen_url: str, settings: PoolSettings) -> None:
        self._database = database
        self._listen_url = listen_url
        self._settings = settings
        self._name = uuid.uuid4().hex
        self._local = LocalHints()
        self._pending: set[Hint] = set()
        self._sender: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None

    def subscribe(self, hint: Hint, wake: asyncio.Event) -> None:
        self._local.subscribe(hint, wake)
        if self._listener is None:
            self._listener = _start(self._listen(), "store.hints.listen")

    def unsubscribe(self, hint: Hint, wake: asyncio.Event) -> None:
        self._local.unsubscribe(hint, wake)

    def give(self, hint: Hint) -> None:
        """After a commit. Does not wait."""
        self._local.give(hint)
        self._pending.add(hint)
        if self._sender is None or self._sender.done():
            self._sender = _start(self._send(), "store.hints.send")

    async def close(self) -> None:
        for task in (self._sender, self._listener):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _send(self) -> None:
        while self._pending:
            hints, self._pending = sorted(self._pending), set()
            with suppress(StoreError):
                await self._database.execute(_NOTIFY, (_CHANNEL, [f"{hint} {self._name}" for hint in hints]))
            await asyncio.sleep(_PAUSE)

    async def _listen(self) -> None:
        while True:
            with suppress(psycopg.Error):
                await self._listen_until_broken()
            await asyncio.sleep(_RECONNECT_PAUSE)

    async def _listen_until_broken(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._listen_url, **self._settings.connection())
        async with connection:
            await connection.execute(f"listen {_CHANNEL}")
            for hint in Hint:  # whatever was said while nobody listened
                self._local.give(hint)
            async for notification in connection.notifies():
                self._heard(*notification.payload.partition(" "))

    def _heard(self, hint: str, _: str, sender: str) -> None:
        """What this process said itself was given here when it was said."""
        if sender != self._name and hint in list(Hint):
            self._local.give(Hint(hint))


def _start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)
