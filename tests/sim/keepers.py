"""What orchestrators do under leases of their own: housekeeping, mending, and saying whose turn it is; each watched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock_eventlog.housekeeping import HOUSEKEEPING, Chore, Housekeeper, Piece
from penstock_eventlog.workbench import Workbench
from penstock_orchestrator.admission import ADMISSION, EVERY, Admission
from penstock_orchestrator.keeping import chores
from penstock_orchestrator.mending import GRACE, MENDING, Mending
from penstock_orchestrator.project import REDRIVE, RESUMING
from penstock_orchestrator.settings import KeepingSettings
from penstock_runtime.settings import load
from tests.sim.process import Look, Need, Process
from tests.sim.world import World

SELDOM = 300.0
"""Seconds between two rounds: each costs turns, and finds something only after a mistake."""
MOST = 100
KEPT = {"PENSTOCK_KEEP_MESSAGES": "3650"}
"""Days. The judge compares what was sent with what lies on the log."""


def keepers(world: World, process: Process, bench: Workbench) -> Iterator[tuple[Look, Housekeeper]]:
    terms, fold, metrics = world.terms, world.terms.fold(), bench.tools.metrics

    def keeper(name: str, work: Sequence[Chore], every: float, need: Need) -> tuple[Look, Housekeeper]:
        watched = [_Watched(each, world, process) for each in work]
        return Look((every,), need), Housekeeper(
            watched,
            bench.store.leases,
            holder=process.holder,
            clock=process.clock,
            metrics=metrics,
            every=every,
            name=name,
            steps=process,
        )

    yield keeper(HOUSEKEEPING, chores(bench.store, load(KeepingSettings, KEPT)), SELDOM, Need.NOTHING)
    yield keeper(MENDING, [Mending(bench.store, fold, metrics)], SELDOM, Need.NOTHING)
    if terms.limits.any:
        admission = Admission(bench.store, fold, terms.limits, terms.patience)
        yield keeper(ADMISSION, [admission], EVERY, Need.PENDING)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A chore. Whoever was not frozen meanwhile leaves no more under way than may be; no run has lost its timers."""

    chore: Chore
    world: World
    process: Process

    @property
    def name(self) -> str:
        return self.chore.name

    async def piece(self) -> Piece:
        world, before = self.world, self.world.freezes
        if self.name == MENDING:
            await self._look_at_timers()
        piece = await self.chore.piece()
        if not piece.done:
            return piece
        world.coverage.outcomes[f"(pieces of {self.name})"] += piece.done
        if self.name == ADMISSION and world.freezes == before:
            await self._look_at_limit()
        return piece

    async def _look_at_timers(self) -> None:
        """Mending would hide what the judge looks for at the end. Late is what nobody was there for."""
        ground = self.world.ground
        stuck = await (await ground.store()).jobs.stuck(GRACE, MOST)
        timed = {timer.run_id for timer in (await ground.waiting())[0]}
        ground.broken += [f"N1 {row.id} is {row.status} and has no timer" for row in stuck if row.id not in timed]

    async def _look_at_limit(self) -> None:
        store = await self.world.ground.store()
        standing = [
            each
            for each in await store.jobs.under_way()
            if each.waiting_for != RESUMING and not each.waiting_for.startswith(REDRIVE)
        ]
        number, limit = sum(each.runs for each in standing), self.world.terms.limit
        if number > limit:
            self.world.ground.broken.append(
                f"J7 {number} runs are under way after a turn was given, allowed are {limit}"
            )
