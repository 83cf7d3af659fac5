"""What waits for the world's clock."""

import asyncio
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from itertools import count

from penstock_runtime.clock import ManualClock

Ring = Callable[[], Awaitable[None] | None]


class Alarms:
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Ring]] = []
        self._numbers = count()

    def later(self, seconds: float, ring: Ring) -> None:
        heappush(self._waiting, (self._clock.monotonic() + seconds, next(self._numbers), ring))

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.later(seconds, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def next(self) -> float | None:
        return self._waiting[0][0] if self._waiting else None

    async def ring(self) -> bool:
        """All that are due; whether there were any."""
        rang = False
        while self._waiting and self._waiting[0][0] <= self._clock.monotonic():
            under_way = heappop(self._waiting)[2]()
            if under_way is not None:
                await under_way
            rang = True
        return rang
