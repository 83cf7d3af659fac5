"""The same load for both sides of a comparison: runs that are started and waited for, from one process.

In a closed loop so many runs are under way at once: throughput. In an open loop runs are started when they are due,
whatever became of those before, and their latency counts from the moment they were due.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.generator import Phase, arrivals

Run = Callable[[str], Awaitable[None]]
"""Starts the run of this name and returns when it has ended."""
WARM = 1.5
"""Seconds of a closed loop that do not count."""
_LEAD = 0.05


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side is to do: so many under way for so many seconds, or so many at this rate a second. Names of runs
    begin with the label, which must be new to it."""

    label: str
    flight: int = 0
    seconds: float = 0.0
    count: int = 0
    per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Ran:
    """The latencies in seconds of what ended in the time that counts."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


async def carried_out(run: Run, turn: Turn) -> Ran:
    return await (_closed(run, turn) if turn.flight else _opened(run, turn))


async def _closed(run: Run, turn: Turn) -> Ran:
    begin = time.perf_counter() + WARM
    end, latencies, numbers = begin + turn.seconds, list[float](), itertools.count()

    async def worker() -> None:
        while (started := time.perf_counter()) < end:
            await run(f"{turn.label}-{next(numbers)}")
            if begin <= (now := time.perf_counter()) < end:
                latencies.append(now - started)

    await asyncio.gather(*(worker() for _ in range(turn.flight)))
    return Ran(turn.seconds, latencies)


async def _opened(run: Run, turn: Turn) -> Ran:
    began, latencies = time.perf_counter() + _LEAD, list[float]()

    async def one(name: str, due: float) -> None:
        await run(name)
        latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as running:
        for number, due in enumerate(arrivals(began, Phase(turn.count, turn.per_second))):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            running.create_task(one(f"{turn.label}-{number}", due))
    return Ran(time.perf_counter() - began, latencies)
