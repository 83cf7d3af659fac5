from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from penstock_runtime.clock import ManualClock
from penstock_runtime.exporting import exporting
from penstock_runtime.metrics import Metrics
from penstock_runtime.observed import Observed
from penstock_runtime.operations import Asgi, Message, Receive, Scope, Send

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class World:
    """An observed application and what was observed."""

    def __init__(self, app: Asgi) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics(CollectorRegistry())
        self.spans = InMemorySpanExporter()
        self.tracing = exporting("test", 1.0, self.spans)
        self.app = Observed(app, self.metrics, self.tracing.tracer, self.clock)

    async def get(self, method: str = "GET") -> None:
        async def send(message: Message) -> None:
            pass

        async def receive() -> Message:
            return {"type": "http.request"}

        headers = [(b"traceparent", PARENT.encode())]
        await self.app({"type": "http", "method": method, "path": "/secret/7", "headers": headers}, receive, send)

    def count(self, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value("http_requests_total", labels)


async def test_a_request_is_counted_timed_and_traced_under_the_route_that_took_it() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        world.clock.advance(0.15)
        scope["route"] = SimpleNamespace(path="/jobs/{id}")
        await send({"type": "http.response.start", "status": 202, "headers": []})

    world = World(app)
    await world.get()
    labels = {"method": "GET", "route": "/jobs/{id}", "status_code": "202"}
    assert world.count(**labels) == 1
    registry = world.metrics.registry
    assert registry.get_sample_value("http_request_duration_seconds_bucket", labels | {"le": "0.2"}) == 1
    assert registry.get_sample_value("http_request_duration_seconds_bucket", labels | {"le": "0.1"}) == 0
    world.tracing.shutdown()
    (span,) = world.spans.get_finished_spans()
    assert span.name == "GET /jobs/{id}"
    assert span.parent is not None
    assert span.parent.span_id == 0xB7AD6B7169203331


async def test_a_path_and_method_nobody_knows_make_no_labels_of_their_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    world = World(app)
    await world.get("BREW")
    assert world.count(method="other", route="unmatched", status_code="404") == 1
    world.tracing.shutdown()


async def test_an_application_that_breaks_counts_as_500_and_the_error_goes_on() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError

    world = World(app)
    with pytest.raises(LookupError):
        await world.get()
    assert world.count(method="GET", route="unmatched", status_code="500") == 1
    world.tracing.shutdown()


async def test_all_but_http_passes_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing() -> Message:
        return {}

    async def ignore(message: Message) -> None:
        pass

    await World(app).app({"type": "lifespan"}, nothing, ignore)
    assert seen == ["lifespan"]
