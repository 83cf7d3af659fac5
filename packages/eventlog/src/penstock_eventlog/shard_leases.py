"""Which shards of the outbox this process publishes, and until when it may."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from penstock_contracts.routing import SHARDS
from penstock_runtime.clock import Clock
from penstock_store.ports import Leases
from penstock_store.rows import Lease

TTL = timedelta(seconds=10)
MARGIN = 0.3
"""The share of a lease's time that is left for the writing which was begun in it."""


class Shards(Protocol):
    """May raise StoreUnavailable from `held` and `release`."""

    async def held(self) -> Mapping[int, Lease]:
        """Takes and renews what it can."""
        ...

    def sure(self, shard: int) -> bool:
        """Without asking anybody: is it held for some time yet? After a process was frozen it is not."""
        ...

    def lost(self, shard: int) -> None: ...

    async def release(self) -> None: ...


@dataclass(slots=True)
class _Holding:
    lease: Lease
    renewed_at: float


class ShardLeases:
    """One lease per shard. A process takes what nobody holds; all ask, so a dead one's shards move in time."""

    def __init__(
        self, leases: Leases, holder: str, clock: Clock, *, shards: Sequence[int] = range(SHARDS), ttl: timedelta = TTL
    ) -> None:
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._shards = tuple(shards)
        self._ttl = ttl
        self._held: dict[int, _Holding] = {}
        self._asked_at: float | None = None

    async def held(self) -> Mapping[int, Lease]:
        """Renews a third of the time after it took; asks for shards of others as often."""
        now = self._clock.monotonic()
        for shard, holding in list(self._held.items()):
            if now - holding.renewed_at >= self._ttl.total_seconds() / 3:
                await self._renew(shard, holding)
        if self._asked_at is None or now - self._asked_at >= self._ttl.total_seconds() / 3:
            for shard in self._shards:
                if shard not in self._held:
                    await self._acquire(shard)
            self._asked_at = now
        return {shard: holding.lease for shard, holding in self._held.items()}

    def sure(self, shard: int) -> bool:
        holding = self._held.get(shard)
        if holding is None:
            return False
        age = self._clock.monotonic() - holding.renewed_at
        return age < self._ttl.total_seconds() * (1 - MARGIN)

    def lost(self, shard: int) -> None:
        self._held.pop(shard, None)

    async def release(self) -> None:
        while self._held:
            _, holding = self._held.popitem()
            await self._leases.release(holding.lease)

    async def _renew(self, shard: int, holding: _Holding) -> None:
        # Read before asking: the lease may begin at any moment after this.
        asked = self._clock.monotonic()
        renewed = await self._leases.renew(holding.lease, self._ttl)
        if renewed is None:
            self.lost(shard)
        else:
            self._held[shard] = _Holding(renewed, asked)

    async def _acquire(self, shard: int) -> None:
        asked = self._clock.monotonic()
        lease = await self._leases.acquire(f"relay:{shard}", self._holder, self._ttl)
        if lease is not None:
            self._held[shard] = _Holding(lease, asked)


class OneLease:
    """All shards under a lease that somebody else keeps: `penstock:up`, for the Postgres log."""

    def __init__(self, lease: Callable[[], Lease | None]) -> None:
        self._lease = lease

    async def held(self) -> Mapping[int, Lease]:
        lease = self._lease()
        return {} if lease is None else dict.fromkeys(range(SHARDS), lease)

    def sure(self, shard: int) -> bool:
        return self._lease() is not None

    def lost(self, shard: int) -> None:
        """Its keeper finds out with the next renewal."""

    async def release(self) -> None:
        """It is not ours."""
