"""The suite of the log on PostgreSQL, with its relay."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from penstock_eventlog.errors import LogTakenOver
from penstock_eventlog.postgres import PostgresLog
from penstock_store.postgres.store import PostgresStore
from penstock_store.rows import Lease, Place
from tests.suites.log import TOPIC, LogSuite
from tests.unit.penstock_eventlog.test_memory_log import TableDesk

UP = "penstock:up"


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(postgres_database)
    yield store
    await store.close()


async def lease_of(store: PostgresStore, holder: str, ttl: timedelta) -> Lease:
    lease = await store.leases.acquire(UP, holder, ttl)
    assert lease is not None
    return lease


@pytest.mark.postgres
class TestPostgresLog(LogSuite):
    @pytest.fixture
    async def desk(self, store: PostgresStore) -> TableDesk:
        return TableDesk(store, await lease_of(store, "test", timedelta(hours=1)))


@pytest.mark.postgres
async def test_a_process_that_lost_the_database_to_another_cannot_move_positions(store: PostgresStore) -> None:
    mine = await lease_of(store, "me", timedelta(hours=1))
    consumer = PostgresLog(store, lambda: mine).consumer("group", [TOPIC], lambda _: None)
    await store.leases.release(mine)
    await lease_of(store, "other", timedelta(hours=1))
    with pytest.raises(LogTakenOver):
        await consumer.commit([Place(TOPIC, 0, 5)])
    assert not await store.log.positions("group")
    await consumer.close()
