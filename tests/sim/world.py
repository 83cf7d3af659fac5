"""A whole installation in memory, whose processes are stepped in an order that a seed decides."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from penstock_contracts.facts import PullRequestRef
from penstock_contracts.flow import TOPICS
from penstock_contracts.ids import stream_of
from penstock_eventlog.groups import groups_of
from penstock_eventlog.memory import MemoryLog
from penstock_runtime.clock import ManualClock
from penstock_runtime.steps import Crashed
from tests.sim.coverage import Coverage
from tests.sim.deaths import Deaths, InHand
from tests.sim.forge import Forge, Pull
from tests.sim.ground import Ground
from tests.sim.process import Blow, Fate, Need, Process, ProcessClock, Seat
from tests.sim.terms import Terms
from tests.sim.waiting import Alarms
from tests.sim.witness import Witness

SESSION = 6.0
"""Seconds after which a group puts out a member that is silent."""
UNHEARD = 2.0
"""Seconds after which somebody starts another process in place of one that does not answer."""
AFTERLIFE = 8.0
"""Seconds that one lives on which woke beside the one in its place."""
GRACE = 25.0
"""Seconds that an orderly end may take."""
WORKERS = ("prepare", "ast", "llm-review")
SERVICES = ("orchestrator", *WORKERS, "commenter")
GROUPS = {group: topics for service in SERVICES for group, topics in groups_of(service).items()}
PARTITIONS = {topic.name: 2 for topic in TOPICS}
PLACES = {
    group: [(topic, partition) for topic in topics for partition in range(PARTITIONS[topic])]
    for group, topics in GROUPS.items()
}
PATIENCE = 4.0
"""Seconds until somebody else has a look at what is overdue: leases expire, groups put members out."""
BUSY = 5_000
"""Turns at one moment after which something is busy for ever."""
Start = Callable[["World", Process], Awaitable[None]]
SPELL = 0.001
PATIENT = 60.0
"""Real seconds."""


class BusyForEver(AssertionError):
    """Machines go on asking for turns while no time passes."""


@dataclass(slots=True)
class World:
    """To be opened before anything happens in it, and closed."""

    rng: Random
    seed: int
    terms: Terms
    coverage: Coverage
    ground: Ground
    starts: Mapping[str, Start]
    """How each process begins a life, by its name."""
    pulls: int
    clock: ManualClock
    log: MemoryLog = field(default_factory=lambda: MemoryLog(PARTITIONS))
    alarms: Alarms = field(init=False)
    forge: Forge = field(init=False)
    processes: dict[str, Process] = field(default_factory=dict)
    ghosts: list[Process] = field(default_factory=list)
    """Those that were frozen, and in whose place another one was started under the name that lasts."""
    skews: dict[str, float] = field(default_factory=dict)
    """How wrong the time of day is where a process runs."""
    deaths: Deaths = field(default_factory=Deaths)
    witness: Witness = field(default_factory=Witness)
    lives: int = 0
    freezes: int = 0
    outages: int = 0
    lost: int = 0
    """How many answers got lost, and members out of their groups."""

    def __post_init__(self) -> None:
        self.alarms = Alarms(self.clock)
        self.forge = Forge(Random(self.seed), self.alarms.later, self.clock.now, self.coverage.forge, self.ground)
        for number in range(1, self.pulls + 1):
            self.forge.pulls[number] = Pull(PullRequestRef("github", "forge", "42", "acme/shop", number), [])

    async def open(self) -> None:
        await self.ground.open()
        for name in self.starts:
            await self.begin(name)

    async def close(self) -> None:
        for process in self.everybody():
            process.bury()
        await asyncio.sleep(0)
        await self.ground.close()

    # --- pull requests ------------------------------------------------------------------------------------------

    def pull(self, number: int) -> Pull:
        return self.forge.pulls[number]

    def stream(self, number: int) -> str:
        return stream_of(self.pull(number).ref)

    # --- processes ----------------------------------------------------------------------------------------------

    async def begin(self, name: str) -> None:
        """A life of a process. Every second one has the name of the one before, as in a container; not where that one
        may still wake. The name of its leases that last is the same in all."""
        self.lives += 1
        alone = all(ghost.name != name for ghost in self.ghosts)
        holder = name if self.lives % 2 and alone else f"{name}:{self.lives}"
        clock = ProcessClock(self.clock, began=self.rng.uniform(0.0, 10_000.0), skew=self.skews.get(name, 0.0))
        process = Process(name, holder, clock, self.coverage, self._struck, in_hand=InHand(self.deaths))
        if name in self.processes:
            process.fates = self.processes[name].fates
        self.processes[name] = process
        await self.starts[name](self, process)

    def _struck(self, process: Process, fate: Fate) -> None:
        if fate.blow is Blow.CRASH:
            self.alarms.later(fate.seconds, lambda: self._restart(process))
        else:
            self.freezes += 1
            self.alarms.later(fate.seconds + SPELL, process.wake)
            if fate.replaced:
                self.alarms.later(UNHEARD, lambda: self._replace(process))
        if fate.seconds >= SESSION:
            self.alarms.later(SESSION, lambda: self._put_out(process))

    async def _put_out(self, process: Process) -> None:
        if not process.running:
            await process.leave()

    async def _replace(self, process: Process) -> None:
        """Another one is started while it sleeps; it wakes, and some time after it is told to end."""
        if process.running or self.processes[process.name] is not process:
            return
        await process.leave()
        self.ghosts.append(process)
        wakes = process.clock.ahead()
        self.alarms.later(wakes + AFTERLIFE, process.end)
        self.alarms.later(wakes + AFTERLIFE + GRACE, lambda: self._end(process))
        await self.begin(process.name)

    async def _restart(self, process: Process) -> None:
        await self._end(process)
        if self.processes[process.name] is process:
            await self.begin(process.name)

    async def _end(self, process: Process) -> None:
        if process in self.ghosts:
            self.ghosts.remove(process)
        await process.leave()
        process.bury()
        await self.ground.left(process)

    def everybody(self) -> list[Process]:
        return [*self.processes.values(), *self.ghosts]

    # --- turns --------------------------------------------------------------------------------------------------

    async def work(self, turns: int = BUSY) -> None:
        """Until nobody has anything to do at this moment, or for so many turns."""
        for _ in range(turns):
            ready = self._ready()
            if not ready and not self.ground.in_flight:
                return
            if not ready:
                await self.settle()
                continue
            await self._turn(*ready[int(self.rng.random() * len(ready))])
        if turns >= BUSY:
            names = sorted({seat.machine.name for _, seat in self._ready()})
            raise BusyForEver(f"after {BUSY} turns at one moment: {', '.join(names)}")

    def _ready(self) -> list[tuple[Process, Seat]]:
        now = self.clock.elapsed
        return [
            (process, seat)
            for process in self.everybody()
            if not process.dead and not process.frozen
            for seat in process.seats
            if seat.due <= now or seat.task is not None or seat.rung()
        ]

    async def _turn(self, process: Process, seat: Seat) -> None:
        """A step, or what is left of one in which its process was frozen."""
        if seat.task is None:
            seat.machine.wake.clear()
            try:
                start = process.start if self.ground.by_hand else process.start_task
                said = start(seat.machine.step())
            except Crashed:
                said = 0.0
            if isinstance(said, float | int):
                seat.said(said, self.clock.elapsed)
            else:
                seat.task = said
        while seat.task is not None and process.running and not seat.task.done():
            await asyncio.sleep(0)
        if process.tasks:
            await self.settle()
        self._look(process)

    async def settle(self) -> None:
        """A few turns of the loop, for what goes on beside the steps. Whatever needs more has it later."""
        for _ in range(1 + int(self.rng.random() * 2)):
            await asyncio.sleep(0)
        began = time.monotonic()
        while self.ground.in_flight:
            await asyncio.sleep(0)
            if time.monotonic() - began > PATIENT:
                raise BusyForEver(f"{self.ground.in_flight} questions have had no answer for {PATIENT:.0f} s")

    def _look(self, process: Process) -> None:
        """Takes what steps said; a step may have ended after its process was frozen and thawed."""
        if process.dead:
            process.bury()
            return
        for seat in process.seats:
            if seat.task is not None and seat.task.done():
                seat.said(seat.task.result(), self.clock.elapsed)
                seat.task = None

    # --- time ---------------------------------------------------------------------------------------------------

    async def jump(self, seconds: float) -> None:
        """The clock jumps: whatever lay between is late."""
        self.clock.advance(seconds)
        await self.ground.moved()
        await self.catch_up()
        needs = await self._needs()
        for process in self.everybody():
            for seat in process.seats:
                if seat.look.need in needs:
                    seat.due = min(seat.due, self.clock.elapsed)

    async def _needs(self) -> frozenset[Need]:
        """What is there for those who look."""
        timers, unsent = await self.ground.waiting()
        now = self.ground.clock.now()
        due = any(timer.due <= now for timer in timers)
        found = ((Need.UNSENT, bool(unsent)), (Need.DUE, due), (Need.PENDING, bool(timers)))
        return frozenset(need for need, there in found if there)

    async def catch_up(self) -> None:
        while await self.alarms.ring():
            for _ in range(3):
                await asyncio.sleep(0)
        for process in self.everybody():
            self._look(process)

    async def pass_time(self, seconds: float) -> None:
        """Everybody is on time."""
        until = self.clock.monotonic() + seconds
        await self.work()
        while (now := self.clock.monotonic()) < until:
            patience = max(PATIENCE, (until - now) / 10)
            await self.jump(min(until, await self.next_moment(patience)) - now)
            await self.work()

    async def next_moment(self, patience: float) -> float:
        """When something is due next: an alarm, a timer, what a process expects, or a look at what is under way or
        overdue."""
        now = self.clock.monotonic()
        alarm = self.alarms.next()
        moments = [now + 7 * 86_400.0] if alarm is None else [alarm]
        timers, unsent = await self.ground.waiting()
        dues = [(timer.due - self.ground.clock.now()).total_seconds() for timer in timers]
        moments += [now + (due if due > 0 else patience) for due in dues]
        expected = [process.expected() for process in self.everybody() if process.running]
        moments += [now + max(seconds, PATIENCE) for seconds in expected if seconds is not None]
        if unsent or not self.ground.available or self.lagging():
            moments.append(now + patience)
        return max(now + 0.001, min(moments))

    def lagging(self) -> bool:
        """Whether a loop still has something before it."""
        return any(self._lag(group) for group in GROUPS)

    def behind(self) -> dict[str, int]:
        """How many records each group has not committed."""
        return {group: self._lag(group) for group in GROUPS}

    def _lag(self, group: str) -> int:
        committed, end = self.log.committed(group), self.log.end
        return sum(end(partition) - committed.get(partition, 0) for partition in PLACES[group])
