"""The forge as a thing to start: in process, on a port, or both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from penstock_platforms.forge.app import build
from penstock_platforms.forge.diffs import Diffs
from penstock_platforms.forge.errors import ConnectionDropped
from penstock_platforms.forge.faults import Faults
from penstock_platforms.forge.gate import TRANSPORT, Allowance, Gate
from penstock_platforms.forge.hooks import Hook, Hooks
from penstock_platforms.forge.journal import Journal
from penstock_platforms.forge.ledger import Ledger
from penstock_platforms.forge.render import Renderer
from penstock_platforms.forge.state import State
from penstock_platforms.forge.world import World
from penstock_platforms.forge.writes import Teller

TOKEN = "forge-token"
BOT = "penstock-bot"
_PROCESSES = 8
_NOWHERE = "http://forge.invalid"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Forge:
    """`async with Forge(root) as forge` serves on a free port; `port=None` opens none and is asked through
    `transport()`. Everything said and pushed is kept below `root` and is there again after a restart."""

    def __init__(
        self,
        root: Path,
        *,
        port: int | None = 0,
        host: str = "127.0.0.1",
        hook: Hook | None = None,
        tokens: Mapping[str, str] | None = None,
        requests_per_hour: int = 1_000_000,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        accounts = dict(tokens or {TOKEN: BOT})
        listening = None if port is None else socket.create_server((host, port))
        self.url = _NOWHERE if listening is None else f"http://{host}:{listening.getsockname()[1]}"
        self._journals = (Journal(root / "state.jsonl"), Journal(root / "ledger.jsonl"))
        self.hooks = Hooks(hook)
        self.faults = Faults()
        self.ledger = Ledger(self._journals[1], now)
        render = Renderer(self.url, frozenset(accounts.values()))
        self.world = World(
            root, State(self._journals[0]), self.hooks, render, Diffs(), now, asyncio.Semaphore(_PROCESSES)
        )
        self._closing = asyncio.Event()
        self.app: ASGIApp = Gate(
            app=build(self.world, accounts, self.faults, self.ledger),
            faults=self.faults,
            ledger=self.ledger,
            teller=Teller(self.world, accounts),
            allowance=Allowance(requests_per_hour, now),
            now=now,
            closing=self._closing,
        )
        self._listener = None if listening is None else _Listener(self.app, listening)

    @property
    def api_url(self) -> str:
        """What PENSTOCK_GITHUB_URL is set to."""
        return f"{self.url}/api/v3"

    async def __aenter__(self) -> Self:
        await self.hooks.start()
        if self._listener is not None:
            await self._listener.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._listener is not None:
            await self._listener.stop()
        await self.hooks.stop()
        for journal in self._journals:
            journal.close()

    def transport(self) -> httpx.AsyncBaseTransport:
        """For a client in the same process: no socket, the same rules and the same faults."""
        return _InProcess(self.app)


class _Listener:
    """uvicorn's protocol on a socket of ours. Its own server would take the signals of whoever started the forge,
    and look only ten times a second whether it is to end."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        self._socket = listening
        self._state = ServerState()
        self._config = uvicorn.Config(
            app, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False, date_header=False
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Protocol(self._config, self._state, {}, loop), sock=self._socket
        )

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
        await self._server.wait_closed()


class _Protocol(H11Protocol):
    """Hands the connection to the gate, which may have to cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            extensions: dict[str, Any] = {**scope.get("extensions", {}), TRANSPORT: transport}
            await app({**scope, "extensions": extensions}, receive, send)

        self.app = with_transport


class _InProcess(httpx.AsyncBaseTransport):
    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except ConnectionDropped:
            raise httpx.ReadError("the forge dropped the connection", request=request) from None
