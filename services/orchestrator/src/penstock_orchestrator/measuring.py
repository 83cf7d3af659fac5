"""How much is open and how much waits to be sent, and since when the oldest does: one small look at each.

It waits for the store alone, and so tells how far behind we are also while the log is away."""

import asyncio

from penstock_eventlog.patience import Patience
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_store.ports import Store
from penstock_store.rows import OPEN_STATUSES

EVERY = 10.0


class Measuring:
    """A Machine. Every process of the orchestrator says the same of the whole installation."""

    def __init__(self, store: Store, *, clock: Clock, metrics: Metrics, every: float = EVERY) -> None:
        self.name = "measuring"
        self.wake = asyncio.Event()
        self._store, self._metrics, self._every = store, metrics, every
        self._patience = Patience("the store", clock)

    async def step(self) -> float:
        return await self._patience.turn(self._measure)

    async def stop(self) -> None:
        """Nothing is held."""

    async def _measure(self) -> float:
        await self._unsent()
        await self._open()
        return self._every

    async def _unsent(self) -> None:
        backlog = await self._store.outbox.backlog()
        self._metrics.outbox_age.set(max(0.0, backlog.age.total_seconds()))
        self._metrics.outbox_depth.set(backlog.rows)

    async def _open(self) -> None:
        found = await self._store.jobs.open()
        gauge = self._metrics.jobs
        gauge.clear()
        for row in found:
            gauge.labels(str(row.type), str(row.status)).set(row.jobs)
        for status in OPEN_STATUSES:
            ages = [row.age.total_seconds() for row in found if row.status is status]
            self._metrics.oldest_waiting.labels(str(status)).set(max(ages, default=0.0))
