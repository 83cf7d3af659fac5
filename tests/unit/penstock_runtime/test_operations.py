import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from penstock_runtime.checks import disk_check, memory_check
from penstock_runtime.clock import ManualClock
from penstock_runtime.errors import Unready
from penstock_runtime.metrics import Metrics
from penstock_runtime.operations import Asgi, Check, Message, Operations, look_at_all


async def ask(app: Asgi, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    await app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


async def well() -> None:
    pass


async def unready() -> None:
    raise Unready("the broker does not answer")


async def surprising() -> None:
    raise ValueError("password=hunter2")


async def silent() -> None:
    await asyncio.Event().wait()


async def cancelling() -> None:
    raise asyncio.CancelledError


def operations(*checks: Check) -> Operations:
    return Operations("test", ManualClock(), CollectorRegistry(), checks, "running")


async def readyz(app: Operations) -> tuple[int, dict[str, Any]]:
    status, _, body = await ask(app, "/readyz")
    shown: dict[str, Any] = json.loads(body)
    return status, shown


async def test_readyz_tells_overall_status_time_and_each_dependency_with_its_response_time() -> None:
    status, shown = await readyz(operations(Check("database", well), Check("model", unready, "optional")))
    assert status == 200
    assert shown == {
        "service": "test",
        "time": "2026-01-01T00:00:00.000+00:00",
        "status": "degraded",
        "dependencies": {
            "database": {"status": "ok", "need": "required", "response_ms": 0.0},
            "model": {
                "status": "failed",
                "need": "optional",
                "response_ms": 0.0,
                "reason": "the broker does not answer",
            },
        },
    }


async def test_a_required_dependency_that_fails_makes_the_process_unready() -> None:
    status, shown = await readyz(operations(Check("kafka", unready), Check("database", well)))
    assert (status, shown["status"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("probe", "reason"),
    [(surprising, "ValueError"), (silent, "no answer within 0.01 s"), (cancelling, "CancelledError")],
)
async def test_whatever_a_probe_does_the_answer_comes_and_shows_no_foreign_text(
    probe: Callable[[], Awaitable[None]], reason: str
) -> None:
    async with asyncio.timeout(5):
        status, shown = await readyz(operations(Check("x", probe, timeout=0.01)))
    assert (status, shown["dependencies"]["x"]["reason"]) == (503, reason)
    assert "hunter2" not in json.dumps(shown)


async def test_checks_run_side_by_side() -> None:
    together = asyncio.Barrier(3)

    async def meets() -> None:
        await together.wait()

    readiness = await look_at_all(tuple(Check(str(n), meets) for n in range(3)), ManualClock())
    assert readiness.status == "ok"


async def test_a_process_that_starts_or_stops_is_alive_and_not_ready_and_asks_nobody() -> None:
    app = operations(Check("x", surprising))
    for phase in ("starting", "stopping"):
        app.phase = phase
        status, shown = await readyz(app)
        assert (status, shown["status"], shown["dependencies"]) == (503, phase, {})
        assert (await ask(app, "/livez"))[0] == 200


async def test_metrics_are_shown_in_the_format_of_prometheus() -> None:
    app = operations()
    Metrics(app.registry).webhooks_received.labels("pr_opened").inc()
    status, headers, body = await ask(app, "/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert b'webhooks_received_total{event_type="pr_opened"} 1.0' in body


async def test_other_paths_and_methods_are_refused_with_a_hint() -> None:
    assert (await ask(operations(), "/"))[0::2] == (404, b"there are /livez, /readyz and /metrics\n")
    status, headers, _ = await ask(operations(), "/livez", "POST")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


async def test_disk_and_memory_are_looked_at(tmp_path: Path) -> None:
    await disk_check(tmp_path, 1).probe()
    await memory_check(2**50).probe()
    with pytest.raises(Unready, match="MiB free"):
        await disk_check(tmp_path, 2**70).probe()
    with pytest.raises(Unready, match="cannot be read"):
        await disk_check(tmp_path / "absent", 1).probe()
    with pytest.raises(Unready, match="MiB used"):
        await memory_check(1).probe()


def test_two_registries_hold_two_sets_of_metrics_with_the_promised_names() -> None:
    first, second = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    first.dead_letters.labels("t", "poison").inc()
    assert second.registry.get_sample_value("dead_letters_total", {"topic": "t", "reason": "poison"}) is None
    names = {family.name for family in first.registry.collect()}
    assert {
        "http_requests",
        "http_request_duration_seconds",
        "webhooks_received",
        "webhook_processing_duration_seconds",
        "consumer_lag_records",
        "outbox_oldest_age_seconds",
        "workitem_processing_duration_seconds",
        "model_calls",
    } <= names
