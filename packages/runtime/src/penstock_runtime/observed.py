"""What every public HTTP server is wrapped in: counts, durations and a span for each request."""

from __future__ import annotations

from opentelemetry.trace import SpanKind, StatusCode, Tracer

from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_runtime.operations import Asgi, Message, Receive, Scope, Send
from penstock_runtime.tracing import extract

UNMATCHED = "unmatched"
"""The route of a request that no route of the application took: its path is anybody's text and no label."""


class Observed:
    """An ASGI application around another; all but HTTP passes through."""

    def __init__(self, app: Asgi, metrics: Metrics, tracer: Tracer, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock.monotonic()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = _method(scope)
        parent = extract(_header(scope, b"traceparent"), _header(scope, b"tracestate"))
        with self._tracer.start_as_current_span(method, context=parent, kind=SpanKind.SERVER) as span:
            try:
                await self._app(scope, receive, sending)
            finally:
                route = _route(scope)
                labels = (method, route, str(status))
                self._metrics.http_requests.labels(*labels).inc()
                self._metrics.http_request_duration.labels(*labels).observe(self._clock.monotonic() - began)
                if span.is_recording():
                    span.update_name(f"{method} {route}")
                    span.set_attributes({"http.request.method": method, "http.route": route})
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(StatusCode.ERROR)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in _METHODS else "other"


def _route(scope: Scope) -> str:
    # Starlette and FastAPI leave the route they matched here.
    found = getattr(scope.get("route"), "path", None)
    return found if isinstance(found, str) else UNMATCHED


def _header(scope: Scope, name: bytes) -> str:
    for known, value in scope["headers"]:
        if known == name:
            return bytes(value).decode("latin-1")
    return ""
