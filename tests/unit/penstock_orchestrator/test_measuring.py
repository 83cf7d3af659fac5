"""How many jobs are open and how much waits to be sent, and since when the oldest does."""

import asyncio
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from penstock_contracts.ids import run_id
from penstock_contracts.routing import SHARDS
from penstock_eventlog.ports import Published
from penstock_eventlog.relay import Relay
from penstock_eventlog.shard_leases import ShardLeases
from penstock_orchestrator.measuring import EVERY, Measuring
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import Lease, OutboxRow
from tests.support.toy_fold import ToyFold, received, resolved

STREAMS = ("toy:host:1:7", "toy:host:1:8")


async def test_open_jobs_are_counted_the_oldest_has_an_age_and_what_is_over_is_not_said_any_more() -> None:
    clock = ManualClock()
    store, registry = MemoryStore(clock), CollectorRegistry()
    measuring = Measuring(store, clock=clock, metrics=Metrics(registry))
    for stream in STREAMS:
        await store.streams.apply("orchestrator", [received(f"e{stream}", stream)], ToyFold())
        clock.advance(10)

    await measuring.step()

    open_jobs = {"type": "CODE_REVIEW", "status": "PROCESSING"}
    assert registry.get_sample_value("workflow_jobs", open_jobs) == 2
    assert registry.get_sample_value("workflow_oldest_waiting_seconds", {"status": "PROCESSING"}) == 20
    assert registry.get_sample_value("workflow_oldest_waiting_seconds", {"status": "PENDING"}) == 0

    for stream in STREAMS:
        answer = resolved(f"a{stream}", run_id(stream, f"e{stream}"), stream)
        await store.streams.apply("orchestrator", [answer], ToyFold())
    await measuring.step()

    assert registry.get_sample_value("workflow_jobs", open_jobs) is None
    assert registry.get_sample_value("workflow_oldest_waiting_seconds", {"status": "PROCESSING"}) == 0


class Away:
    """A log that does not answer before its brokers are back."""

    def __init__(self) -> None:
        self.asked, self.back = asyncio.Event(), asyncio.Event()

    async def publish(self, rows: Sequence[OutboxRow], *_: Lease) -> Published:
        self.asked.set()
        await self.back.wait()
        return Published(tuple(row.id for row in rows), {})

    async def mark(self, ids: Sequence[int], *leases: Lease) -> None:
        """By the store."""


async def test_what_waits_to_be_sent_grows_older_while_the_relay_waits_for_the_log() -> None:
    clock, log = ManualClock(), Away()
    store, registry = MemoryStore(clock), CollectorRegistry()
    metrics = Metrics(registry)
    measuring = Measuring(store, clock=clock, metrics=metrics)
    relay = Relay(store, log, ShardLeases(store.leases, "one", clock), clock=clock, metrics=metrics)
    await store.streams.apply("orchestrator", [received("e1", STREAMS[0])], ToyFold())
    waiting = asyncio.create_task(relay.step())
    await log.asked.wait()
    for _ in range(6):
        clock.advance(await measuring.step())
    waits = len(await store.outbox.unsent(range(SHARDS), 10))
    assert waits
    assert registry.get_sample_value("outbox_unsent_rows") == waits
    assert registry.get_sample_value("outbox_oldest_age_seconds") == 5 * EVERY

    log.back.set()
    await waiting
