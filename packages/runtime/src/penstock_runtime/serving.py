"""HTTP servers inside our own loop: uvicorn without its signal handlers, on a socket we bound ourselves."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock_runtime.errors import AddressRefused, PortInUse, ServerFailed
from penstock_runtime.operations import Asgi

if TYPE_CHECKING:
    import uvicorn


@dataclass(frozen=True, slots=True)
class HttpServer:
    """An ASGI application and where it listens. Port 0 is any free port."""

    name: str
    app: Asgi
    host: str
    port: int
    setting: str
    """The variable that moves the port, for the message when it is taken."""


def bind(server: HttpServer) -> socket.socket:
    """A listening socket. PortInUse or AddressRefused tell what to change."""
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(server, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise _refused(server, error) from error
    return listening


def _refused(server: HttpServer, error: OSError) -> PortInUse | AddressRefused:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(host=server.host, port=server.port, variable=server.setting)
    return AddressRefused(host=server.host, port=server.port, reason=error.strerror, variable=server.setting)


class Serving:
    """A server that has its socket and runs as a coroutine until `stop` is called."""

    def __init__(self, server: HttpServer, app: Asgi, grace: float) -> None:
        self.name = server.name
        self._socket = bind(server)
        self.port: int = self._socket.getsockname()[1]
        self.started = asyncio.Event()
        """Set once requests are answered."""
        self._stopped = False
        self._uvicorn = _configured(app, grace, self.started)

    async def run(self) -> None:
        """Answer requests until stopped; those in flight are finished within the grace. Else ServerFailed."""
        try:
            await self._uvicorn.serve(sockets=[self._socket])
        except SystemExit as error:
            raise ServerFailed(server=self.name) from error
        finally:
            self._socket.close()
        if not self._stopped:
            raise ServerFailed(server=self.name)

    def stop(self) -> None:
        """Accept nothing new, finish what is in flight, then let `run` return."""
        self._stopped = True
        self._uvicorn.should_exit = True

    def close(self) -> None:
        """Give the port back, for a server that was never run."""
        self._socket.close()


def _configured(app: Asgi, grace: float, up: asyncio.Event) -> uvicorn.Server:
    import uvicorn

    class Quiet(uvicorn.Server):
        """Says when it is up, and leaves signals to run_service, which stops everything in order."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            up.set()

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="auto",
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(grace)),
        ws="none",
    )
    return Quiet(config)
