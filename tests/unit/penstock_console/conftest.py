"""The jobs API on the store in memory."""

from collections.abc import AsyncIterator

import httpx
import pytest

from penstock_runtime.clock import ManualClock
from penstock_store.memory.store import MemoryStore
from tests.unit.penstock_console.place import RUN, STAGE, client_of


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore(ManualClock())
    for row in (RUN, STAGE):
        made.tables.jobs[row.id] = row
    return made


@pytest.fixture
async def api(store: MemoryStore) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(store) as client:
        yield client
