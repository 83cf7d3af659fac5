"""A simulated process is stepped by hand and has tasks besides; both have to stop when it is frozen."""

import asyncio

import pytest

from penstock_runtime.steps import Crashed
from tests.sim.coverage import Coverage
from tests.sim.process import Blow, Fate, Process


@pytest.fixture
async def process() -> Process:
    return Process("some", "some", Coverage(), lambda process, fate: None)


async def through(process: Process) -> float:
    await process.passage()
    return 1.0


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
    process.thaw()
    assert list(await asyncio.gather(step, task)) == [1.0, 1.0]


async def test_whoever_is_cancelled_while_frozen_takes_nobody_along(process: Process) -> None:
    process.strike(Fate(Blow.FREEZE, "", 1, 5.0))
    one, other = asyncio.ensure_future(through(process)), asyncio.ensure_future(through(process))
    await turns()
    one.cancel()
    await turns()
    process.thaw()
    assert await other == 1.0


async def test_the_dead_pass_no_more_though_they_were_frozen_before(process: Process) -> None:
    process.strike(Fate(Blow.FREEZE, "", 1, 5.0))
    task = asyncio.ensure_future(through(process))
    await turns()
    process.strike(Fate(Blow.CRASH, "", 1, 5.0))
    process.thaw()
    with pytest.raises(Crashed):
        await task
