"""One simulated run: a schedule, carried out, then quiet, then judged."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar
from unittest.mock import patch

from penstock_contracts.codec import Codec
from penstock_runtime.clock import ManualClock
from tests.sim.actions import Action, Kind, draw
from tests.sim.cast import Cast
from tests.sim.coverage import Coverage
from tests.sim.ground import Ground, MemoryGround, StoreClock
from tests.sim.haste import loop_in_memory
from tests.sim.invariants import broken
from tests.sim.process import adopting
from tests.sim.stagehand import Stagehand
from tests.sim.terms import Terms
from tests.sim.world import PATIENCE, World

FEWEST, LONGEST = 5, 25
CREW = ("orchestrator", "workers", "commenter")
WHOLE = ("ingest", *(f"{kind}.{one}" for kind in CREW for one in "ab"))
MOMENTS = 600
"""Moments in the quiet phase at which something was due, after which a run that is still open will never end."""
T = TypeVar("T")
Grounds = Callable[[StoreClock, Codec], Ground]


@dataclass(frozen=True, slots=True)
class Schedule:
    seed: int
    crew: tuple[str, ...]
    """The processes there are: one or two orchestrators, workers, commenters."""
    terms: Terms
    pulls: int
    faults: float
    actions: tuple[Action, ...]
    order: int = 0
    """Another one: everything is delivered and carried out in another order."""
    between: frozenset[Kind] = frozenset()
    """Before these actions all that was begun comes to its end."""

    @classmethod
    def drawn(cls, seed: int, longest: int = LONGEST) -> "Schedule":
        rng = Random(seed)
        pulls, faults = rng.choice((1, 2, 2, 3)), rng.choice((0.0, 0.1, 0.3))
        crew = ("ingest", *(f"{kind}.{one}" for kind in CREW for one in "ab"[: rng.randint(1, 2)]))
        first = tuple(Action(Kind.PUSH, number) for number in range(1, pulls + 1))
        rest = (draw(rng, pulls, crew) for _ in range(rng.randint(FEWEST, longest)))
        return cls(seed, crew, Terms.drawn(rng), pulls, faults, (*first, *rest))

    def without(self, index: int) -> "Schedule":
        return replace(self, actions=self.actions[:index] + self.actions[index + 1 :])

    def __str__(self) -> str:
        lines = (f"  {number:>2} {action}" for number, action in enumerate(self.actions, 1))
        return "\n".join(
            (
                f"seed {self.seed}: {', '.join(self.crew)}; {self.terms}; {self.pulls} pulls, faults {self.faults}",
                *lines,
            )
        )


class Simulator:
    """Runs schedules one after the other. Has an event loop of its own; close it."""

    def __init__(self, coverage: Coverage, grounds: Grounds = MemoryGround) -> None:
        self.coverage = coverage
        self._grounds = grounds
        self._cast = Cast.assembled()
        self._runner = asyncio.Runner(loop_factory=loop_in_memory if grounds is MemoryGround else None)
        self._runner.get_loop().set_task_factory(adopting)

    def close(self) -> None:
        self._runner.close()

    def broken(self, schedule: Schedule, coverage: Coverage | None = None) -> list[str]:
        """What did not hold, or how it came to grief."""
        try:
            return self.ending(schedule, broken, coverage)
        except AssertionError as error:
            return [f"{type(error).__name__}: {error}"]

    def ending(self, schedule: Schedule, seen: Callable[[World], Awaitable[T]], coverage: Coverage | None = None) -> T:
        """What is seen of it when everything is quiet."""
        with _reproducible(schedule.seed):
            return self._runner.run(self._run(schedule, seen, coverage or self.coverage))

    async def _run(self, schedule: Schedule, seen: Callable[[World], Awaitable[T]], coverage: Coverage) -> T:
        clock = ManualClock()
        world = World(
            Random(schedule.seed + schedule.order),
            schedule.seed,
            schedule.terms,
            coverage,
            self._grounds(StoreClock(clock), self._cast.codec),
            self._cast.starts(schedule.crew, schedule.faults),
            schedule.pulls,
            clock,
        )
        world.forge.faults = schedule.faults
        await world.open()
        hand = Stagehand(world)
        try:
            for action in schedule.actions:
                if action.kind in schedule.between:
                    await self._quieten(world, hand)
                await hand.do(action)
                await world.work(world.rng.choice((0, 2, 8, 30, 2_000)))
            await self._quieten(world, hand)
            for _ in range(4):  # for what is looked at again
                await world.pass_time(25.0)
            # Who was put out and is given a record again commits it as soon as what it said of it before has arrived:
            # nothing lagged then, and it was still at work. What it says at last may have met a blow that was left.
            await self._quieten(world, hand)
            return await seen(world)
        finally:
            await world.close()
            self._cast.codec.forget()

    async def _quieten(self, world: World, hand: Stagehand) -> None:
        """Nobody does anything any more; time passes until all is over."""
        for moment in range(MOMENTS):
            await world.work()
            await hand.redeliver()
            await world.work()
            if await self._over(world):
                break
            await world.jump(await world.next_moment(PATIENCE + moment) - world.clock.monotonic())

    async def _over(self, world: World) -> bool:
        if (
            not world.ground.available
            or world.lagging()
            or world.ghosts
            or not all(each.running for each in world.everybody())
        ):
            return False
        timers, unsent = await world.ground.waiting()
        return not timers and not unsent


def shrunk(simulator: Simulator, schedule: Schedule) -> Schedule:
    """Leaves actions out as long as it still fails."""
    index = len(schedule.actions) - 1
    while index >= 0:
        shorter = schedule.without(index)
        if simulator.broken(shorter, Coverage()):
            schedule = shorter
        index = min(index, len(schedule.actions)) - 1
    return schedule


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """How long is waited for what is away is spread by chance, which here follows from the seed."""
    chance = Random(seed)
    with patch("penstock_eventlog.patience.Random", lambda: Random(chance.random())):
        yield
