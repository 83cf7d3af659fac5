"""How many jobs are open, and since when the oldest is."""

from prometheus_client import CollectorRegistry

from penstock_contracts.ids import run_id
from penstock_orchestrator.measuring import Measuring
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_store.memory.store import MemoryStore
from tests.support.toy_fold import ToyFold, received, resolved

STREAMS = ("toy:host:1:7", "toy:host:1:8")


async def test_open_jobs_are_counted_the_oldest_has_an_age_and_what_is_over_is_not_said_any_more() -> None:
    clock = ManualClock()
    store, registry = MemoryStore(clock), CollectorRegistry()
    measuring = Measuring(store.jobs, Metrics(registry))
    for stream in STREAMS:
        await store.streams.apply("orchestrator", [received(f"e{stream}", stream)], ToyFold())
        clock.advance(10)

    await measuring.piece()

    open_jobs = {"type": "CODE_REVIEW", "status": "PROCESSING"}
    assert registry.get_sample_value("workflow_jobs", open_jobs) == 2
    assert registry.get_sample_value("workflow_oldest_waiting_seconds", {"status": "PROCESSING"}) == 20
    assert registry.get_sample_value("workflow_oldest_waiting_seconds", {"status": "PENDING"}) == 0

    for stream in STREAMS:
        answer = resolved(f"a{stream}", run_id(stream, f"e{stream}"), stream)
        await store.streams.apply("orchestrator", [answer], ToyFold())
    await measuring.piece()

    assert registry.get_sample_value("workflow_jobs", open_jobs) is None
    assert registry.get_sample_value("workflow_oldest_waiting_seconds", {"status": "PROCESSING"}) == 0
