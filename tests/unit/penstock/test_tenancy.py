"""Who works on a database, and what becomes of it while the database is away."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from penstock.alone.errors import DatabaseMoved, TenancyLost
from penstock.alone.tenancy import KEY, TTL, Tenancy
from penstock.local.errors import PostgresFailed
from penstock_runtime.clock import ManualClock
from penstock_store.errors import StoreUnavailable
from penstock_store.memory.store import MemoryStore
from penstock_store.ports import LEASE_TTL, Leases
from penstock_store.rows import Lease


@dataclass
class Fleeting:
    """Leases of a database that can be away, and what `revive` does about it."""

    leases: Leases
    away: bool = False
    refusals: list[Exception] = field(default_factory=list)
    revived: int = 0

    def revive(self) -> None:
        self.revived += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.away = False

    async def acquire(self, key: str, holder: str, ttl: timedelta = LEASE_TTL) -> Lease | None:
        self._reach()
        return await self.leases.acquire(key, holder, ttl)

    async def renew(self, lease: Lease, ttl: timedelta) -> Lease | None:
        self._reach()
        return await self.leases.renew(lease, ttl)

    async def release(self, lease: Lease) -> None:
        self._reach()
        await self.leases.release(lease)

    async def is_locked(self, key: str) -> bool:
        return self.away or await self.leases.is_locked(key)

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the server is gone")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(clock: ManualClock) -> Fleeting:
    return Fleeting(MemoryStore(clock).leases)


@pytest.fixture
async def tenancy(database: Fleeting, clock: ManualClock) -> Tenancy:
    tenancy = Tenancy(database, "up@here:1", clock, database.revive)
    await tenancy.take()
    return tenancy


async def test_who_works_on_an_embedded_database_starts_it_again_when_it_is_gone(
    database: Fleeting, tenancy: Tenancy, clock: ManualClock
) -> None:
    database.away = True
    clock.advance(TTL.total_seconds())

    again = await tenancy.step()
    assert (again, database.revived, tenancy.lease()) == (1.0, 1, None)

    assert await tenancy.step() > 1.0
    assert tenancy.lease() is not None
    assert database.revived == 1


async def test_a_database_that_cannot_be_started_is_tried_again_and_told_of_once(
    database: Fleeting, tenancy: Tenancy, caplog: pytest.LogCaptureFixture
) -> None:
    database.away = True
    full = PostgresFailed(data_dir="postgres", reason="the disk is full", log="server.log")
    database.refusals = [full, full]

    with caplog.at_level(logging.WARNING):
        assert [await tenancy.step() for _ in range(3)] == [1.0, 1.0, 1.0]

    assert database.revived == 3
    assert ["the server is gone" in text or "the disk is full" in text for text in caplog.messages] == [True, True]
    assert await tenancy.step() > 1.0


async def test_a_database_that_is_at_another_address_now_ends_the_process(database: Fleeting, tenancy: Tenancy) -> None:
    database.away, database.refusals = True, [DatabaseMoved()]

    with pytest.raises(DatabaseMoved, match="start this penstock again"):
        await tenancy.step()


async def test_who_finds_another_on_the_database_when_it_is_back_ends(
    database: Fleeting, tenancy: Tenancy, clock: ManualClock
) -> None:
    database.away = True
    await tenancy.step()
    clock.advance(TTL.total_seconds() + 1)
    assert await database.acquire(KEY, "a standby", TTL) is not None

    with pytest.raises(TenancyLost):
        await tenancy.step()
