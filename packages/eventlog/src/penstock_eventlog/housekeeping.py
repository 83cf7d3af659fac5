"""What is done now and then, by one process at a time, a piece after the other.

1. lease    nobody else may be at it: two would only be in each other's way
2. piece    one bounded piece of one chore; a chore that has nothing more to do makes way for the next
3. rest     when all chores are through, until the next round

A crash point stands after each piece. A round that ends in the middle, by a kill or a lost lease, is begun again by
whoever gets the lease: a piece is a transaction of its own and harmless when it is done twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from penstock_eventlog.patience import Patience
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.errors import StoreUnavailable
from penstock_store.ports import Leases
from penstock_store.rows import Lease

LEASED, DONE = "housekeeping.1.leased", "housekeeping.2.piece"
POINTS = (LEASED, DONE)
HOUSEKEEPING = "housekeeping"
TTL = timedelta(seconds=30)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece of work came to: how many things it did, and whether more is to be done now."""

    done: int
    more: bool


class Chore(Protocol):
    @property
    def name(self) -> str:
        """A label of the metrics."""
        ...

    async def piece(self) -> Piece:
        """One transaction, a second or two long at most. May raise StoreUnavailable, and is then tried again."""
        ...


class Housekeeper:
    """A Machine. Run one in every process that may do the chores; the lease of its name decides who does."""

    def __init__(
        self,
        chores: Sequence[Chore],
        leases: Leases,
        *,
        holder: str,
        clock: Clock,
        metrics: Metrics,
        every: float,
        name: str = HOUSEKEEPING,
        steps: Steps = NO_STEPS,
    ) -> None:
        self.name = name
        self._chores, self._leases, self._holder = chores, leases, holder
        self._clock, self._metrics, self._every, self._steps = clock, metrics, every, steps
        self.wake = asyncio.Event()
        self._patience = Patience("the store", clock)
        self._lease: Lease | None = None
        self._turn = 0
        self._did: dict[str, int] = {}

    async def step(self) -> float:
        """One piece."""
        return await self._patience.turn(self._piece)

    async def stop(self) -> None:
        if self._lease is None:
            return
        try:
            await self._leases.release(self._lease)
        except StoreUnavailable:
            _log.info("the lease of %s was not given back; it expires", self.name)

    async def _piece(self) -> float:
        if not self._chores or not await self._take():  # 1
            return self._every
        self._steps.reach(LEASED)
        chore = self._chores[self._turn]
        piece = await chore.piece()  # 2
        self._steps.reach(DONE)
        if piece.done:
            self._did[chore.name] = self._did.get(chore.name, 0) + piece.done
            self._metrics.housekept.labels(chore.name).inc(piece.done)
        if not piece.more:
            self._turn += 1
        return 0.0 if self._turn < len(self._chores) else await self._rest()

    async def _take(self) -> bool:
        """The lease that is held is renewed with each piece, which costs less than knowing whether it must be."""
        if self._lease is not None:
            self._lease = await self._leases.renew(self._lease, TTL)
        if self._lease is None:
            self._turn = 0
            self._lease = await self._leases.acquire(self.name, self._holder, TTL)
        return self._lease is not None

    async def _rest(self) -> float:  # 3
        if self._did:
            _log.info("%s is done", self.name, extra={"done": dict(self._did)})
        self._turn, self._did = 0, {}
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._leases.release(lease)
        return self._every
