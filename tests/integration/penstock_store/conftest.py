"""The Postgres store of the suites."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from penstock.local.postgres import PostgresServer
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.encoding import DEFAULT, StateEncoding
from penstock_store.ports import Store
from penstock_store.postgres import PostgresStore
from tests.sim.postgres_ground import simulated_database
from tests.suites.store.worlds import Later, Reopen
from tests.support.waiting import eventually


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(postgres_database)
    yield opened
    await opened.close()


@pytest.fixture
async def reopen(postgres_database: str) -> AsyncIterator[Reopen]:
    async with AsyncExitStack() as stack:

        async def again(steps: Steps = NO_STEPS, encoding: StateEncoding = DEFAULT) -> Store:
            opened = await PostgresStore.open(postgres_database, steps=steps, encoding=encoding)
            stack.push_async_callback(opened.close)
            return opened

        yield again


@pytest.fixture
def later(store: Store) -> Later:
    async def passed(seconds: float) -> None:
        end = await store.now() + timedelta(seconds=seconds)

        async def reached() -> bool:
            return await store.now() > end

        condition: Callable[[], bool | Awaitable[bool]] = reached
        await eventually(condition)

    return passed


@pytest.fixture
def simulated_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database that goes by a clock of the test's."""
    with simulated_database(postgres_server.url()) as url:
        yield url
