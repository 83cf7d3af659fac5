"""The lease under which a pull request is spoken on, and how much of it is left."""

from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from penstock_runtime.clock import Clock
from penstock_store.errors import FenceLost
from penstock_store.ports import Leases
from penstock_store.rows import Lease


@dataclass(frozen=True, slots=True)
class Timing:
    """A call to the platform ends within `call` seconds; what it left behind has landed `settle` seconds later."""

    call: float = 10.0
    settle: float = 10.0

    @property
    def lease(self) -> float:
        """More than three calls: the margin in which a holder notices that it was frozen."""
        return 4 * self.call

    @property
    def doubt(self) -> float:
        """How long after a write was begun it may still land."""
        return self.call + self.settle


@dataclass(slots=True)
class Tenure:
    """A lease that knows its end by the clock that cannot be set. Given back at an orderly end only."""

    lease: Lease
    timing: Timing
    _leases: Leases
    _clock: Clock
    _until: float

    @classmethod
    async def take(cls, leases: Leases, clock: Clock, key: str, holder: str, timing: Timing) -> Self | None:
        """None: somebody else speaks on this pull request."""
        asked = clock.monotonic()
        lease = await leases.acquire(key, holder, timedelta(seconds=timing.lease))
        return None if lease is None else cls(lease, timing, leases, clock, asked + timing.lease)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whoever is killed gives nothing back: then a write of theirs may be under way until the lease has expired."""
        if kind is None or issubclass(kind, Exception):
            await self._leases.release(self.lease)

    async def assure(self) -> Lease:
        """The lease, with time for a call and its consequences. Raises FenceLost."""
        if self._left() < 3 * self.timing.call:
            asked = self._clock.monotonic()
            renewed = await self._leases.renew(self.lease, timedelta(seconds=self.timing.lease))
            if renewed is None:
                raise FenceLost(self.lease.key, self.lease.fence)
            self.lease, self._until = renewed, asked + self.timing.lease
        return self.lease

    def check(self) -> None:
        """Right before a call: a process that was frozen since must not make it. Raises FenceLost."""
        if self._left() < self.timing.call:
            raise FenceLost(self.lease.key, self.lease.fence)

    @property
    def over(self) -> bool:
        """Somebody else may hold the lease by now."""
        return self._left() <= 0

    def _left(self) -> float:
        return self._until - self._clock.monotonic()
