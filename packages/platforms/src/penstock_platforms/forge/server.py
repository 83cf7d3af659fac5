"""The forge as a thing to start: in process, on a port, or both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

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
        self._socket = None if port is None else socket.create_server((host, port))
        self.url = _NOWHERE if self._socket is None else f"http://{host}:{self._socket.getsockname()[1]}"
        self._journals = (Journal(root / "state.jsonl"), Journal(root / "ledger.jsonl"))
        self.hooks = Hooks(hook)
        self.faults = Faults()
        self.ledger = Ledger(self._journals[1], now)
        render = Renderer(self.url, frozenset(accounts.values()))
        self.world = World(root, State(self._journals[0]), self.hooks, render, Diffs(), now)
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
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def api_url(self) -> str:
        """What PENSTOCK_GITHUB_URL is set to."""
        return f"{self.url}/api/v3"

    async def __aenter__(self) -> Self:
        await self.hooks.start()
        if self._socket is not None:
            config = uvicorn.Config(
                self.app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
            self._server = _Server(config)
            self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await self.hooks.stop()
        for journal in self._journals:
            journal.close()

    def transport(self) -> httpx.AsyncBaseTransport:
        """For a client in the same process: no socket, the same rules and the same faults."""
        return _InProcess(self.app)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever started the forge."""
        yield


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
