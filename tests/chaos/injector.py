"""Makes the faults of a plan, evenly spread over its time."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.faults import Executor, Struck
from tests.chaos.plan import Fault, Kind, Plan

_PATIENCE = 2.0
"""Paces that a fault waits for its moment; the next ones catch up."""
_TRIES = 20


@dataclass(slots=True)
class Injector:
    plan: Plan
    executors: Sequence[Executor]
    made: list[Struck] = field(default_factory=list)
    missed: list[Fault] = field(default_factory=list)
    """For which there was nothing to strike, again and again."""

    async def run(self) -> None:
        """All faults of the plan; returns when each is over and what it hit is back."""
        rng, began = self.plan.random("moments"), time.monotonic()
        pace = self.plan.striking / self.plan.faults
        async with asyncio.TaskGroup() as lasting:
            for index, fault in enumerate(self.plan.drawn()):
                due = began + pace * index
                await asyncio.sleep(max(0.0, due + pace * rng.uniform(0.0, 0.3) - time.monotonic()))
                patience = max(0.0, due + _PATIENCE * pace - time.monotonic())
                if fault.kind is Kind.KILL:  # one after the other: they look for their moment together
                    await self._make(fault, patience)
                else:
                    lasting.create_task(self._make(fault, pace + _PATIENCE))

    async def mend(self) -> None:
        for executor in self.executors:
            await executor.mend()

    async def _make(self, fault: Fault, patience: float) -> None:
        executor = next(each for each in self.executors if fault.kind in each.kinds)
        for _ in range(_TRIES):
            struck = await executor.make(fault, patience)
            if struck is not None:
                self.made.append(struck)
                return
            await asyncio.sleep(1.0)
        self.missed.append(fault)
