"""Step machines: what does a process's work without owning a thread or ever sleeping."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Machine(Protocol):
    """Does work in bounded pieces. `drive` runs it in a process; the simulator steps it by hand."""

    @property
    def name(self) -> str:
        """A short name for logs and errors, such as `relay` or `loop.ast`."""
        ...

    @property
    def wake(self) -> asyncio.Event:
        """Set by anybody on the event loop's thread to end the machine's wait early; cleared by the driver alone."""
        ...

    async def step(self) -> float:
        """Do one bounded piece of work and return how many seconds the driver may wait before the next; 0 = at once.

        It never sleeps and never waits for work to appear. It is cancelled only when the process must end at once.
        What it raises ends the process, so whatever can be lived with is handled inside.
        """
        ...

    async def stop(self) -> None:
        """End in order: give back what is held. Called once, after the last step returned, never after a failure."""
        ...


async def drive(machine: Machine, stopping: asyncio.Event) -> None:
    """Step a machine until `stopping` is set, then let it end in order. What a step raises passes through."""
    waker = asyncio.create_task(_wake_when(stopping, machine.wake), name=f"{machine.name}.stop")
    try:
        while not stopping.is_set():
            machine.wake.clear()
            wait = await machine.step()
            if stopping.is_set():
                break
            await _pause(machine.wake, wait)
    finally:
        waker.cancel()
    await machine.stop()


async def _wake_when(stopping: asyncio.Event, wake: asyncio.Event) -> None:
    await stopping.wait()
    wake.set()


async def _pause(wake: asyncio.Event, seconds: float) -> None:
    if seconds <= 0 or wake.is_set():
        # One turn for everybody else: a machine that is always busy must not starve the loop.
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
