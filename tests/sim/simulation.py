"""One simulated run: a schedule, carried out, then quiet, then judged."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from unittest.mock import patch

from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.settings import load
from tests.sim.actions import Action, Kind, Stagehand, draw
from tests.sim.cast import Cast
from tests.sim.coverage import Coverage
from tests.sim.invariants import Judge
from tests.sim.process import adopting
from tests.sim.world import PATIENCE, World

LONGEST = 25
MOMENTS = 600
"""Moments in the quiet phase at which something was due, after which a run that is still open will never end."""


@dataclass(frozen=True, slots=True)
class Schedule:
    seed: int
    doubled: bool
    """Two orchestrators and two commenters."""
    pulls: int
    faults: float
    actions: tuple[Action, ...]

    @classmethod
    def drawn(cls, seed: int, longest: int = LONGEST) -> "Schedule":
        rng = Random(seed)
        doubled, pulls = rng.random() < 0.5, rng.choice((1, 1, 2))
        faults = rng.choice((0.0, 0.1, 0.3))
        names = ["ingest", "orchestrator.a", "workers.a", "commenter.a"]
        names += ["orchestrator.b", "commenter.b"] if doubled else []
        first = Action(Kind.PUSH)
        rest = (draw(rng, pulls, names) for _ in range(rng.randint(3, longest)))
        return cls(seed, doubled, pulls, faults, (first, *rest))

    def without(self, index: int) -> "Schedule":
        return replace(self, actions=self.actions[:index] + self.actions[index + 1 :])

    def __str__(self) -> str:
        cast = "two orchestrators, two commenters" if self.doubled else "one of each"
        lines = (f"  {number:>2} {action}" for number, action in enumerate(self.actions, 1))
        return "\n".join((f"seed {self.seed}: {cast}, {self.pulls} pulls, faults {self.faults}", *lines))


class Simulator:
    """Runs schedules one after the other. Has an event loop of its own; close it."""

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self._cast = Cast.assembled()
        rules = load(OrchestratorSettings, {}).rules()
        self._folds = [OrchestratorFold(rules), OrchestratorFold(replace(rules, window=1))]
        self._runner = asyncio.Runner()
        self._runner.get_loop().set_task_factory(adopting)

    def close(self) -> None:
        self._runner.close()

    def broken(self, schedule: Schedule, coverage: Coverage | None = None) -> list[str]:
        """What did not hold, or how it came to grief."""
        with _reproducible(schedule.seed):
            return self._runner.run(self._run(schedule, coverage or self.coverage))

    async def _run(self, schedule: Schedule, coverage: Coverage) -> list[str]:
        world = World(
            Random(schedule.seed),
            schedule.seed,
            self._folds[schedule.seed % 2],
            coverage,
            self._cast.starts(doubled=schedule.doubled, faults=schedule.faults),
            schedule.pulls,
        )
        world.forge.faults = schedule.faults
        hand = Stagehand(world, self._cast)
        try:
            for action in schedule.actions:
                await hand.do(action)
                await world.work(world.rng.choice((0, 2, 8, 30, 2_000)))
            await self._quieten(world, hand)
            return await Judge(world, self._cast.codec).broken()
        except AssertionError as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            for process in world.processes.values():
                process.bury()
            await asyncio.sleep(0)

    async def _quieten(self, world: World, hand: Stagehand) -> None:
        """Nobody does anything any more; time passes until all is over, and some more for what is looked at again."""
        for moment in range(MOMENTS):
            await world.work()
            await hand.redeliver()
            await world.work()
            if self._over(world):
                break
            await world.jump(world.next_moment(PATIENCE + moment) - world.clock.monotonic())
        for _ in range(4):
            await world.pass_time(25.0)

    def _over(self, world: World) -> bool:
        tables = world.tables
        return (
            tables.available
            and not tables.unsent
            and not tables.timers
            and all(process.running for process in world.processes.values())
            and not any(world.behind().values())
        )


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
