"""In front of everything: faults happen here, the ledger is written here, the allowance is counted here."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penstock_platforms.forge.errors import ConnectionDropped
from penstock_platforms.forge.faults import Fault, FaultKind, Faults
from penstock_platforms.forge.ledger import Ledger
from penstock_platforms.forge.writes import Teller

TRANSPORT = "forge.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NOT_HANDLED = frozenset(
    {FaultKind.STATUS, FaultKind.RESET_BEFORE, FaultKind.HANG, FaultKind.RATE_LIMIT, FaultKind.EXHAUSTED}
)


@dataclass(slots=True)
class Allowance:
    """How many requests each token may make in an hour."""

    limit: int
    now: Callable[[], datetime]
    _used: dict[tuple[str, int], int] = field(default_factory=dict)

    def spend(self, token: str) -> tuple[int, dict[str, str]]:
        """What remains (below zero: refused) and the headers that say so."""
        hour = int(self.now().timestamp()) // 3600
        used = self._used[token, hour] = self._used.get((token, hour), 0) + 1
        return self.limit - used, allowance_headers(self.limit, max(0, self.limit - used), (hour + 1) * 3600)


def allowance_headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-used": str(limit - remaining),
        "x-ratelimit-reset": str(reset),
        "x-ratelimit-resource": "core",
    }


@dataclass(slots=True)
class Reply:
    """An answer held back until it is known whether it may leave."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def start(self) -> Message:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}


@dataclass(slots=True)
class Gate:
    app: ASGIApp
    faults: Faults
    ledger: Ledger
    teller: Teller
    allowance: Allowance
    now: Callable[[], datetime]
    closing: asyncio.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith("/_forge"):
            await self.app(scope, receive, send)
            return
        body = await _whole_body(receive)
        fault = self.faults.take(scope["method"], path)
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        reply = await self._reply(scope, receive, body, fault)
        if reply is not None:
            await self._answer(reply, fault, scope, (receive, send))

    async def _reply(self, scope: Scope, receive: Receive, body: bytes, fault: Fault | None) -> Reply | None:
        """The answer; None where none will ever be sent."""
        if fault is not None and fault.kind in _NOT_HANDLED:
            return await self._failed(fault, scope, receive)
        token = _header(scope, b"authorization")
        allowed: dict[str, str] = {}
        if scope["path"].startswith("/api/"):
            remaining, allowed = self.allowance.spend(token)
            if remaining < 0:
                return _refusal(403, "API rate limit exceeded for this token.", allowed)
        write = self.teller.tell(scope["method"], scope["path"], token, body)
        reply = Reply()
        await self.app(scope, _replay(body, receive), reply.take)
        reply.headers += [(name.encode(), value.encode()) for name, value in allowed.items()]
        if write is not None:
            lost = fault is not None and fault.kind is not FaultKind.DELAY
            self.ledger.append(write, status=reply.status, answered=not lost)
        return reply

    async def _answer(self, reply: Reply, fault: Fault | None, scope: Scope, line: tuple[Receive, Send]) -> None:
        receive, send = line
        reply.headers.append((b"date", format_datetime(self.now(), usegmt=True).encode()))
        kind = fault.kind if fault is not None else None
        if kind is FaultKind.RESET_AFTER:
            await _drop(scope, receive)
        elif kind is FaultKind.HANG_AFTER:
            await self._hang(receive)
        elif kind is FaultKind.TRUNCATE:
            await send(reply.start())
            await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
            await _drop(scope, receive, abruptly=False)
        else:
            await send(reply.start())
            await send({"type": "http.response.body", "body": reply.body})

    async def _failed(self, fault: Fault, scope: Scope, receive: Receive) -> Reply | None:
        if fault.kind is FaultKind.RESET_BEFORE:
            await _drop(scope, receive)
            return None
        if fault.kind is FaultKind.HANG:
            await self._hang(receive)
            return None
        if fault.kind is FaultKind.RATE_LIMIT:
            wait = {"retry-after": str(int(fault.seconds))}
            return _refusal(fault.status or 403, "You have exceeded a secondary rate limit.", wait)
        if fault.kind is FaultKind.EXHAUSTED:
            reset = int(self.now().timestamp() + fault.seconds)
            return _refusal(403, "API rate limit exceeded for this token.", allowance_headers(5000, 0, reset))
        return _refusal(fault.status or 503, "A fault that was asked for.", {})

    async def _hang(self, receive: Receive) -> None:
        """Until the client gives up or the forge is closed."""
        tasks = {asyncio.ensure_future(_disconnected(receive)), asyncio.ensure_future(self.closing.wait())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


async def _disconnected(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True


async def _drop(scope: Scope, receive: Receive, *, abruptly: bool = True) -> None:
    """Cuts the connection; in process there is none, so whoever asked is told by an exception."""
    transport: Any = scope.get("extensions", {}).get(TRANSPORT)
    if transport is None:
        raise ConnectionDropped
    if abruptly:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()
    await _disconnected(receive)


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _header(scope: Scope, name: bytes) -> str:
    return next((bytes(value).decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _refusal(status: int, message: str, headers: dict[str, str]) -> Reply:
    body = json.dumps({"message": message}).encode()
    plain = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    return Reply(status, [(name.encode(), value.encode()) for name, value in plain.items()], body)
