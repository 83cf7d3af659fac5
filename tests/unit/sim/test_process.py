"""A simulated process is stepped by hand and has tasks besides; both have to stop when it is frozen."""

import asyncio

import pytest

from penstock_runtime.clock import ManualClock
from penstock_runtime.steps import Crashed
from tests.sim.coverage import Coverage
from tests.sim.process import Blow, Fate, Process, ProcessClock


@pytest.fixture
async def process() -> Process:
    clock = ProcessClock(ManualClock())
    return Process("some", "some", clock, Coverage(), lambda process, fate: None)


async def through(process: Process) -> float:
    await process.passage()
    return 1.0


def awake(process: Process, seconds: float) -> None:
    process.clock.world.advance(seconds)
    process.wake()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_step_and_a_task_that_wait_for_the_same_thaw_both_go_on(process: Process) -> None:
    process.strike(Fate(Blow.FREEZE, "", 1, 5.0))
    task = asyncio.ensure_future(through(process))
    step = process.start(through(process))
    assert isinstance(step, asyncio.Task)
    await turns()
    assert not step.done()
    assert not task.done()
    awake(process, 5.0)
    assert list(await asyncio.gather(step, task)) == [1.0, 1.0]


async def test_whoever_is_cancelled_while_frozen_takes_nobody_along(process: Process) -> None:
    process.strike(Fate(Blow.FREEZE, "", 1, 5.0))
    one, other = asyncio.ensure_future(through(process)), asyncio.ensure_future(through(process))
    await turns()
    one.cancel()
    await turns()
    awake(process, 5.0)
    assert await other == 1.0


async def test_the_dead_pass_no_more_though_they_were_frozen_before(process: Process) -> None:
    process.strike(Fate(Blow.FREEZE, "", 1, 5.0))
    task = asyncio.ensure_future(through(process))
    await turns()
    process.strike(Fate(Blow.CRASH, "", 1, 5.0))
    awake(process, 5.0)
    with pytest.raises(Crashed):
        await task


async def test_a_frozen_process_goes_by_the_time_at_which_it_wakes(process: Process) -> None:
    """What it computes until it next asks somebody is computed then."""
    before = process.clock.monotonic()
    process.strike(Fate(Blow.FREEZE, "", 1, 5.0))
    assert process.clock.monotonic() == before + 5.0
    awake(process, 4.0)
    still_asleep = process.frozen
    awake(process, 1.0)
    assert (still_asleep, process.frozen) == (True, False)
    assert process.clock.monotonic() == before + 5.0
