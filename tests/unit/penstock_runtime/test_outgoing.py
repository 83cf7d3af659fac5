import asyncio

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.metrics import Metrics
from penstock_runtime.outgoing import OutgoingClient
from penstock_runtime.settings import load


def calls(metrics: Metrics, status: str) -> float | None:
    return metrics.registry.get_sample_value("http_calls_total", {"host": "git.example", "status_code": status})


async def test_a_call_is_counted_by_host_and_answer() -> None:
    metrics = Metrics(CollectorRegistry())
    transport = httpx.MockTransport(lambda request: httpx.Response(404))
    async with OutgoingClient(
        OutgoingSettings(), metrics, base_url="https://git.example", transport=transport
    ) as client:
        assert (await client.get("/user")).status_code == 404
    assert calls(metrics, "404") == 1


async def test_a_call_that_takes_longer_than_the_total_ends_as_a_read_timeout() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    metrics = Metrics(CollectorRegistry())
    settings = OutgoingSettings(total_seconds=0.01)
    async with OutgoingClient(settings, metrics, transport=httpx.MockTransport(never)) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"no answer within 0.01 s in all"):
            await client.get("https://git.example/slow")
    assert calls(metrics, "failed") == 1


def test_the_defaults_are_the_documented_ones() -> None:
    settings = load(OutgoingSettings, {})
    assert (settings.connections, settings.idle_connections) == (50, 10)
    assert (settings.call_seconds, settings.total_seconds, settings.idle_seconds) == (30, 60, 30)
