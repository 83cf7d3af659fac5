"""The operations port: /livez, /readyz and /metrics as a bare ASGI application, without a web framework."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from penstock_runtime.clock import Clock
from penstock_runtime.errors import Unready

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

Need = Literal["required", "optional"]
Status = Literal["ok", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """A dependency of this process. An optional one that fails degrades the process and leaves it ready.

    `probe` returns when the dependency answers and raises when it does not. Only the text of an Unready is shown; of
    any other error only its type, since its text might contain anything.
    """

    name: str
    probe: Callable[[], Awaitable[None]]
    need: Need = "required"
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: Check
    status: Status
    response_ms: float
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        shown: dict[str, object] = {"status": self.status, "need": self.check.need, "response_ms": self.response_ms}
        return shown | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of /readyz."""

    status: Literal["ok", "degraded", "unavailable", "starting", "stopping"]
    findings: tuple[Finding, ...] = ()

    @property
    def ready(self) -> bool:
        return self.status in {"ok", "degraded"}


async def look(check: Check, clock: Clock) -> Finding:
    """Run one check within its time limit. It never raises, whatever the probe does."""
    began = clock.monotonic()
    probe = asyncio.ensure_future(check.probe())
    try:
        done, _ = await asyncio.wait({probe}, timeout=check.timeout)
    finally:
        probe.cancel()
    took = round((clock.monotonic() - began) * 1000, 1)
    if not done:
        return Finding(check, "failed", took, f"no answer within {check.timeout:g} s")
    error = asyncio.CancelledError() if probe.cancelled() else probe.exception()
    if error is None:
        return Finding(check, "ok", took)
    return Finding(check, "failed", took, str(error) if isinstance(error, Unready) else type(error).__name__)


async def look_at_all(checks: tuple[Check, ...], clock: Clock) -> Readiness:
    """Run all checks at once and sum them up."""
    findings = tuple(await asyncio.gather(*(look(check, clock) for check in checks)))
    failed = {finding.check.need for finding in findings if finding.status == "failed"}
    return Readiness("unavailable" if "required" in failed else "degraded" if failed else "ok", findings)


@dataclass(slots=True)
class Operations:
    """The application. `phase` is set by the service runner; only a running process asks its dependencies."""

    name: str
    clock: Clock
    registry: CollectorRegistry
    checks: tuple[Check, ...] = ()
    phase: Literal["starting", "running", "stopping"] = "starting"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(send, 405, "text/plain; charset=utf-8", b"only GET\n", {"allow": "GET, HEAD"})
            return
        match scope["path"]:
            case "/livez":
                await _answer(send, 200, "application/json", self._json({"status": "ok"}))
            case "/readyz":
                readiness = await self._readiness()
                findings = {finding.check.name: finding.as_json() for finding in readiness.findings}
                body = self._json({"status": readiness.status, "dependencies": findings})
                await _answer(send, 200 if readiness.ready else 503, "application/json", body)
            case "/metrics":
                await _answer(send, 200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
            case _:
                known = b"there are /livez, /readyz and /metrics\n"
                await _answer(send, 404, "text/plain; charset=utf-8", known)

    async def _readiness(self) -> Readiness:
        if self.phase != "running":
            return Readiness(self.phase)
        return await look_at_all(self.checks, self.clock)

    def _json(self, facts: Mapping[str, object]) -> bytes:
        common = {"service": self.name, "time": self.clock.now().isoformat(timespec="milliseconds")}
        return json.dumps(common | dict(facts)).encode()


async def _answer(
    send: Send, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    shown = {"content-type": content_type, "content-length": str(len(body)), "cache-control": "no-store"} | dict(
        headers or {}
    )
    raw = [(name.encode(), value.encode()) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
