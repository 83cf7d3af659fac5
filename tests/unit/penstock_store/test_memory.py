"""The memory store passes the suite of all stores, and can go away as a database can."""

import pytest

from penstock_runtime.clock import ManualClock
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.encoding import DEFAULT, StateEncoding
from penstock_store.errors import StoreUnavailable
from penstock_store.memory import MemoryStore
from penstock_store.ports import Store
from tests.suites.store.whole import WholeSuite, filled
from tests.suites.store.worlds import Later, Reopen
from tests.support.toy_fold import ToyFold, received

__all__ = ["filled"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memory(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def store(memory: MemoryStore) -> Store:
    return memory


@pytest.fixture
def reopen(memory: MemoryStore, clock: ManualClock) -> Reopen:
    async def again(steps: Steps = NO_STEPS, encoding: StateEncoding = DEFAULT) -> Store:
        return MemoryStore(clock, steps=steps, tables=memory.tables, encoding=encoding)

    return again


@pytest.fixture
def later(clock: ManualClock) -> Later:
    async def passed(seconds: float) -> None:
        clock.advance(seconds)

    return passed


class TestMemoryStore(WholeSuite):
    async def test_while_it_is_away_every_call_says_so_and_changes_nothing(self, memory: MemoryStore) -> None:
        memory.go_away()
        with pytest.raises(StoreUnavailable):
            await memory.streams.apply("orchestrator", [received("e1")], ToyFold())
        with pytest.raises(StoreUnavailable):
            await memory.check()
        assert await memory.leases.is_locked("anything")

        memory.come_back()

        await memory.check()
        assert await memory.streams.names() == []
