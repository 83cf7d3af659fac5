"""The lease `penstock:up`: one process at a time runs on a database; a second one waits and takes over."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from penstock.alone.errors import TenancyLost
from penstock.local.errors import LocalError
from penstock_runtime.clock import Clock
from penstock_store.errors import StoreUnavailable
from penstock_store.ports import Leases
from penstock_store.rows import Lease

KEY = "penstock:up"
TTL = timedelta(seconds=10)
MARGIN = 0.3
_ASK_AGAIN = 1.0
Revive = Callable[[], None]
"""Called, on a thread, when the database is away: starts an embedded one again, since it goes with whoever started it,
and leaves a given one alone. Raises LocalError, and DatabaseMoved, which ends the process."""
_log = logging.getLogger(__name__)


class Tenancy:
    """A Machine: renews the lease a third of its time after it was last renewed."""

    def __init__(self, leases: Leases, holder: str, clock: Clock, revive: Revive) -> None:
        self._leases, self._holder, self._clock, self._revive = leases, holder, clock, revive
        self._wake = asyncio.Event()
        self._lease: Lease | None = None
        self._renewed_at = 0.0
        self._told = set[str]()

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

    async def take(self) -> None:
        """Waits while another process has it, and while the database is away. Raises DatabaseMoved."""
        while True:
            try:
                if await self._acquired():
                    return
                self._tell("another penstock runs on this database: standing by until it ends")
            except StoreUnavailable as error:
                await self._bring_back(error)
            await asyncio.sleep(_ASK_AGAIN)

    async def step(self) -> float:
        """Raises TenancyLost, which ends the process: somebody else works here now. Raises DatabaseMoved."""
        asked = self._clock.monotonic()
        if self._lease is None:
            raise TenancyLost
        try:
            renewed = await self._leases.renew(self._lease, TTL)
            held = renewed is not None or await self._acquired()
        except StoreUnavailable as error:
            await self._bring_back(error)
            return _ASK_AGAIN
        if not held:
            raise TenancyLost
        if renewed is not None:
            self._lease, self._renewed_at = renewed, asked
        self._told.clear()
        return TTL.total_seconds() / 3

    async def stop(self) -> None:
        """The lease is released last, when everything else has ended."""

    async def release(self) -> None:
        if self._lease is not None:
            try:
                await self._leases.release(self._lease)
            except StoreUnavailable:
                _log.warning("the lease was not released and ends by itself", extra={"seconds": TTL.total_seconds()})

    async def _bring_back(self, away: StoreUnavailable) -> None:
        self._tell(f"the database is away, waiting for it: {away}")
        try:
            await asyncio.to_thread(self._revive)
        except LocalError as error:
            self._tell(f"the database cannot be started, it is tried again: {error}")

    def _tell(self, what: str) -> None:
        """Once, until all is well again."""
        if what not in self._told:
            self._told.add(what)
            _log.warning(what)

    async def _acquired(self) -> bool:
        asked = self._clock.monotonic()
        lease = await self._leases.acquire(KEY, self._holder, TTL)
        if lease is not None:
            self._lease, self._renewed_at = lease, asked
        return lease is not None
