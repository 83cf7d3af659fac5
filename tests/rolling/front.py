"""What stands before ingest where two of it are to share an address: a proxy that hands each webhook on to the one it
was told last. What cannot be handed on is answered 502, and delivered again by the platform."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from penstock.local.ports import free_port
from penstock_runtime.serving import HttpServer, Serving
from tests.support.waiting import eventually

_OWN = frozenset({"host", "connection", "content-length"})
"""Headers that belong to a connection, and not to what it carries."""
_PATIENCE = 15.0


class Front:
    def __init__(self) -> None:
        self._server = HttpServer("front", self._app(), "127.0.0.1", free_port(), "its port")
        self._client = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False)
        self._ingest = ""
        self._in_hand = Counter[str]()

    @property
    def url(self) -> str:
        return f"http://{self._server.host}:{self._server.port}"

    async def lead_to(self, ingest: str) -> None:
        """From now on. Returns when whoever was there before has nothing in hand any more, and can be ended."""
        self._ingest = ingest
        await eventually(lambda: set(+self._in_hand) <= {ingest}, _PATIENCE, "the ingest of before to be done")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listening, once."""
        serving = Serving(self._server, self._server.app, grace=1.0)
        running = asyncio.create_task(serving.run())
        try:
            await serving.started.wait()
            yield
        finally:
            serving.stop()
            await running
            await self._client.aclose()

    def _app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._handed_on, methods=["POST"])])

    async def _handed_on(self, request: Request) -> Response:
        body = await request.body()
        headers = {name: value for name, value in request.headers.items() if name not in _OWN}
        ingest = self._ingest
        self._in_hand[ingest] += 1
        try:
            answer = await self._client.post(f"{ingest}{request.url.path}", content=body, headers=headers)
        except httpx.HTTPError:
            return Response(status_code=502)
        finally:
            self._in_hand[ingest] -= 1
        return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])
