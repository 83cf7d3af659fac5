"""The memory store passes the suite of all stores."""

import pytest

from penstock_runtime.clock import ManualClock
from penstock_store.memory import MemoryStore
from penstock_store.ports import Store
from tests.suites.store.apply import ApplySuite
from tests.suites.store.stalls import StallSuite


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Store:
    return MemoryStore(clock)


class TestApply(ApplySuite):
    pass


class TestStalls(StallSuite):
    pass
