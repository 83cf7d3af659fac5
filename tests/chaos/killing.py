"""kill -9 of our own processes, preferably of who holds a record."""

import asyncio
import os
import signal
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from tests.chaos.faults import Struck
from tests.chaos.plan import RELAY, Fault, Kind, Plan
from tests.chaos.supervisor import Supervisor

_LOOK = 0.001
_CANDIDATES = 7
_AT_RANDOM = 0.2
"""The share of kills that wait for nothing."""


@dataclass(slots=True)
class Killing:
    """Who is next is chosen among the next few, so that the one that holds something is struck first."""

    supervisor: Supervisor
    waiting: list[str]
    """Everybody who is to be killed in this campaign, in order."""
    rng: Random
    kinds: Collection[Kind] = field(default=(Kind.KILL,))

    @classmethod
    def of(cls, supervisor: Supervisor, plan: Plan) -> "Killing":
        waiting = [fault.victim for fault in plan.drawn() if fault.kind is Kind.KILL]
        return cls(supervisor, waiting, plan.random("kills"))

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        nearest = self.waiting[:1] if self.rng.random() < _AT_RANDOM else self.waiting[:_CANDIDATES]
        until = time.monotonic() + patience
        async with self.supervisor.busy:
            chosen = await self._chosen(nearest, until)
            slot = self.supervisor.slot_of(chosen)
            if slot in self.supervisor.frozen:
                return None
            process = await self.supervisor.running(slot)
            try:
                os.kill(process.pid, signal.SIGKILL)  # at once: a few milliseconds later another step is reached
            except ProcessLookupError:
                await self.supervisor.running(slot)  # it ended by itself, and what killed nothing does not count
                return None
            self.waiting.remove(chosen)
            return await self._killed(slot)

    async def mend(self) -> None:
        """Whoever was killed was started again at once."""

    async def _chosen(self, nearest: Sequence[str], until: float) -> str:
        """The first of these that is seen with something in hand, or when the time is up the very first."""
        awake = {*self.supervisor.awake(), RELAY}
        candidates = [victim for victim in nearest if victim in awake]
        candidates = candidates or [victim for victim in self.waiting if victim in awake] or list(nearest)
        while len(candidates) > 1 and time.monotonic() < until:
            if caught := next((victim for victim in candidates if self.supervisor.in_hand(victim)), None):
                return caught
            await asyncio.sleep(_LOOK)
        return candidates[0]

    async def _killed(self, slot: str) -> Struck:
        await asyncio.to_thread(self.supervisor.stage.fleet.kill, slot)  # waits until it is gone
        name, step, held = self.supervisor.last_step(slot)
        await self.supervisor.start(slot)
        struck = Struck(Kind.KILL, name, datetime.now(UTC), step, held)
        if struck.holding:  # then there is work that it will be given again
            self.supervisor.watch(slot)
        return struck
