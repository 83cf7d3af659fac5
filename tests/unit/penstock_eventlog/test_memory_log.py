"""The suite of the log on the memory log, and on the log that lies in a memory store."""

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.postgres import PostgresLog, topic_partitions
from penstock_eventlog.records import size_of
from penstock_eventlog.relay import Relay
from penstock_eventlog.shard_leases import OneLease
from penstock_eventlog.sinks import LogTableSink
from penstock_runtime.clock import SystemClock
from penstock_runtime.metrics import Metrics
from penstock_store.memory.store import MemoryStore
from penstock_store.ports import Store
from penstock_store.rows import Lease
from tests.suites.log import LogGroups, LogLimits, LogSuite


class MemoryDesk:
    def __init__(self) -> None:
        self.log = MemoryLog()

    async def settle(self) -> None:
        """What is sent is there."""

    async def limit(self, topic: str, size: int) -> None:
        self.log.refuse(lambda one: "too large" if one.topic == topic and size_of(one) > size else "")


class TableDesk:
    """A log on the tables of a store, with its relay."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self.log = PostgresLog(store, lambda: lease)
        self._relay = Relay(
            store,
            LogTableSink(store.outbox, topic_partitions(), self.log.grown),
            OneLease(lambda: lease),
            clock=SystemClock(),
            metrics=Metrics(CollectorRegistry()),
        )

    async def settle(self) -> None:
        while not await self._relay.step():
            continue


class TestMemoryLog(LogSuite, LogGroups, LogLimits):
    @pytest.fixture
    def desk(self) -> MemoryDesk:
        return MemoryDesk()

    @pytest.fixture
    def limited(self, desk: MemoryDesk) -> MemoryDesk:
        return desk


class TestTableLogInMemory(LogSuite):
    @pytest.fixture
    async def desk(self) -> TableDesk:
        store = MemoryStore(SystemClock())
        lease = await store.leases.acquire("penstock:up", "test", timedelta(hours=1))
        assert lease is not None
        return TableDesk(store, lease)
