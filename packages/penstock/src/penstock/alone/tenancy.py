"""The lease `penstock:up`: one process at a time runs on a database; a second one waits and takes over."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from penstock.alone.errors import TenancyLost
from penstock_runtime.clock import Clock
from penstock_store.errors import StoreUnavailable
from penstock_store.ports import Leases
from penstock_store.rows import Lease

KEY = "penstock:up"
TTL = timedelta(seconds=10)
MARGIN = 0.3
_ASK_AGAIN = 1.0
Revive = Callable[[], None]
"""Called, on a thread, when the database is away: starts an embedded one again, and leaves a given one alone."""
_log = logging.getLogger(__name__)


class Tenancy:
    """A Machine: renews the lease a third of its time after it was last renewed."""

    def __init__(self, leases: Leases, holder: str, clock: Clock) -> None:
        self._leases, self._holder, self._clock = leases, holder, clock
        self._wake = asyncio.Event()
        self._lease: Lease | None = None
        self._renewed_at = 0.0

    @property
    def name(self) -> str:
        return "tenancy"

    @property
    def wake(self) -> asyncio.Event:
        return self._wake

    def lease(self) -> Lease | None:
        """None when it may have ended: whoever was frozen must not go on as if nothing had happened."""
        age = self._clock.monotonic() - self._renewed_at
        return self._lease if age < TTL.total_seconds() * (1 - MARGIN) else None

    async def take(self, revive: Revive) -> None:
        """Waits while another process has it, and while the database is away: an embedded one goes with its owner."""
        told = ""
        while True:
            try:
                if await self._acquired():
                    return
                why = "another penstock runs on this database: standing by until it ends"
            except StoreUnavailable as error:
                why = f"the database is away, standing by: {error}"
                await asyncio.to_thread(revive)
            if why != told:
                _log.warning(why)
                told = why
            await asyncio.sleep(_ASK_AGAIN)

    async def step(self) -> float:
        """Raises TenancyLost, which ends the process: somebody else works here now."""
        asked = self._clock.monotonic()
        if self._lease is None:
            raise TenancyLost
        try:
            renewed = await self._leases.renew(self._lease, TTL)
        except StoreUnavailable:
            return _ASK_AGAIN
        if renewed is None and not await self._acquired():
            raise TenancyLost
        if renewed is not None:
            self._lease, self._renewed_at = renewed, asked
        return TTL.total_seconds() / 3

    async def stop(self) -> None:
        """The lease is released last, when everything else has ended."""

    async def release(self) -> None:
        if self._lease is not None:
            try:
                await self._leases.release(self._lease)
            except StoreUnavailable:
                _log.warning("the lease was not released and ends by itself", extra={"seconds": TTL.total_seconds()})

    async def _acquired(self) -> bool:
        asked = self._clock.monotonic()
        lease = await self._leases.acquire(KEY, self._holder, TTL)
        if lease is not None:
            self._lease, self._renewed_at = lease, asked
        return lease is not None
