import asyncio
from collections.abc import Callable

import pytest

from penstock_runtime.machine import drive


class Counting:
    """Steps until told otherwise and notes what happened."""

    name = "counting"

    def __init__(self, waits: Callable[[int], float]) -> None:
        self.wake = asyncio.Event()
        self.steps = 0
        self.stopped = 0
        self.stepped = asyncio.Event()
        self._waits = waits

    async def step(self) -> float:
        self.steps += 1
        self.stepped.set()
        return self._waits(self.steps)

    async def stop(self) -> None:
        self.stopped += 1


async def test_a_machine_is_stepped_at_once_while_it_says_so_and_stopped_once_at_the_end() -> None:
    stopping = asyncio.Event()

    def waits(step: int) -> float:
        if step == 5:
            stopping.set()
        return 0

    machine = Counting(waits)
    async with asyncio.timeout(5):
        await drive(machine, stopping)
    assert (machine.steps, machine.stopped) == (5, 1)


async def test_waking_a_machine_ends_its_wait_early_even_when_the_wake_comes_during_the_step() -> None:
    stopping = asyncio.Event()

    def waits(step: int) -> float:
        if step == 1:
            machine.wake.set()
        return 3600

    machine = Counting(waits)
    driving = asyncio.create_task(drive(machine, stopping))
    async with asyncio.timeout(5):
        while machine.steps < 2:
            await asyncio.sleep(0)
        machine.stepped.clear()
        machine.wake.set()
        await machine.stepped.wait()
        stopping.set()
        await driving
    assert (machine.steps, machine.stopped) == (3, 1)


async def test_a_wait_that_is_over_leads_to_the_next_step() -> None:
    stopping = asyncio.Event()

    def waits(step: int) -> float:
        if step == 3:
            stopping.set()
        return 0.001

    machine = Counting(waits)
    async with asyncio.timeout(5):
        await drive(machine, stopping)
    assert machine.steps == 3


async def test_a_machine_that_fails_is_not_asked_to_end_in_order() -> None:
    def waits(step: int) -> float:
        raise LookupError("lost")

    machine = Counting(waits)
    with pytest.raises(LookupError):
        await drive(machine, asyncio.Event())
    assert machine.stopped == 0


async def test_a_machine_that_is_always_busy_leaves_room_for_others() -> None:
    stopping = asyncio.Event()
    machine = Counting(lambda _: 0)
    driving = asyncio.create_task(drive(machine, stopping))
    async with asyncio.timeout(5):
        await machine.stepped.wait()
        stopping.set()
        await driving
    assert machine.stopped == 1


async def test_a_machine_that_is_told_to_stop_before_it_began_does_no_work() -> None:
    stopping = asyncio.Event()
    stopping.set()
    machine = Counting(lambda _: 0)
    await drive(machine, stopping)
    assert (machine.steps, machine.stopped) == (0, 1)
