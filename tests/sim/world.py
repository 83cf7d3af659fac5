"""A whole installation in memory, whose processes are stepped in an order that a seed decides."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from penstock_contracts.facts import PullRequestRef
from penstock_contracts.flow import TOPICS
from penstock_contracts.ids import stream_of
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.worker import groups_of
from penstock_orchestrator.fold import OrchestratorFold
from penstock_runtime.clock import ManualClock
from penstock_runtime.steps import Crashed
from penstock_store.memory.tables import Tables
from tests.sim.coverage import Coverage
from tests.sim.forge import Forge, Pull
from tests.sim.process import Blow, Fate, Process, Seat
from tests.sim.waiting import Alarms

SESSION = 6.0
"""Seconds after which a group puts out a member that is silent."""
WORKERS = ("prepare", "ast", "llm-review")
SERVICES = ("orchestrator", *WORKERS, "commenter")
GROUPS = {group: topics for service in SERVICES for group, topics in groups_of(service).items()}
PARTITIONS = {topic.name: 2 for topic in TOPICS}
PATIENCE = 4.0
"""Seconds until somebody else has a look at what is overdue: leases expire, groups put members out."""
BUSY = 5_000
"""Turns at one moment after which something is busy for ever."""
Start = Callable[["World", Process], None]


class BusyForEver(AssertionError):
    """Machines go on asking for turns while no time passes."""


@dataclass(slots=True)
class World:
    rng: Random
    seed: int
    fold: OrchestratorFold
    coverage: Coverage
    starts: Mapping[str, Start]
    """How each process begins a life, by its name."""
    pulls: int
    clock: ManualClock = field(default_factory=ManualClock)
    log: MemoryLog = field(default_factory=lambda: MemoryLog(PARTITIONS))
    tables: Tables = field(init=False)
    alarms: Alarms = field(init=False)
    forge: Forge = field(init=False)
    processes: dict[str, Process] = field(default_factory=dict)
    lives: int = 0
    crashes: int = 0
    freezes: int = 0
    outages: int = 0

    def __post_init__(self) -> None:
        self.tables, self.alarms = Tables(self.clock), Alarms(self.clock)
        self.forge = Forge(
            Random(self.seed), self.alarms.later, lambda: self.clock.now().isoformat(), self.coverage.forge
        )
        for number in range(1, self.pulls + 1):
            self.forge.pulls[number] = Pull(PullRequestRef("github", "forge", "42", "acme/shop", number), [])
        for name in self.starts:
            self.begin(name)

    # --- pull requests ------------------------------------------------------------------------------------------

    def pull(self, number: int) -> Pull:
        return self.forge.pulls[number]

    def stream(self, number: int) -> str:
        return stream_of(self.pull(number).ref)

    # --- processes ----------------------------------------------------------------------------------------------

    def begin(self, name: str) -> None:
        """A life of a process. Every second one has the name of the one before, as in a container."""
        self.lives += 1
        holder = name if self.lives % 2 else f"{name}:{self.lives}"
        process = Process(name, holder, self.coverage, self._struck)
        if name in self.processes:
            process.fates = self.processes[name].fates
        self.processes[name] = process
        self.starts[name](self, process)

    def _struck(self, process: Process, fate: Fate) -> None:
        if fate.blow is Blow.CRASH:
            self.crashes += 1
            self.alarms.later(fate.seconds, lambda: self._restart(process))
        else:
            self.freezes += 1
            self.alarms.later(fate.seconds, process.thaw)
        if fate.seconds >= SESSION:
            self.alarms.later(SESSION, lambda: self._put_out(process))

    async def _put_out(self, process: Process) -> None:
        if not process.running:
            await process.leave()

    async def _restart(self, process: Process) -> None:
        await process.leave()
        process.bury()
        self.begin(process.name)

    # --- turns --------------------------------------------------------------------------------------------------

    async def work(self, turns: int = BUSY) -> None:
        """Until nobody has anything to do at this moment, or for so many turns."""
        for _ in range(turns):
            ready = self._ready()
            if not ready:
                return
            await self._turn(*self.rng.choice(ready))
        if turns >= BUSY:
            names = sorted({seat.machine.name for _, seat in self._ready()})
            raise BusyForEver(f"after {BUSY} turns at one moment: {', '.join(names)}")

    def _ready(self) -> list[tuple[Process, Seat]]:
        now = self.clock.monotonic()
        return [
            (process, seat)
            for process in self.processes.values()
            if process.running
            for seat in process.seats
            if seat.task is not None or seat.ready(now)
        ]

    async def _turn(self, process: Process, seat: Seat) -> None:
        """A step, or what is left of one in which its process was frozen."""
        if seat.task is None:
            seat.machine.wake.clear()
            try:
                said = process.start(seat.machine.step())
            except Crashed:
                said = 0.0
            if isinstance(said, float | int):
                seat.due = self.clock.monotonic() + said
            else:
                seat.task = said
        while seat.task is not None and process.running and not seat.task.done():
            await asyncio.sleep(0)
        if process.tasks:
            await self.settle()
        self._look(process)

    async def settle(self) -> None:
        """A few turns of the loop, for what goes on beside the steps. Whatever needs more has it later."""
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            await asyncio.sleep(0)

    def _look(self, process: Process) -> None:
        """Takes what steps said; a step may have ended after its process was frozen and thawed."""
        if process.dead:
            process.bury()
            return
        for seat in process.seats:
            if seat.task is not None and seat.task.done():
                seat.due = self.clock.monotonic() + seat.task.result()
                seat.task = None

    # --- time ---------------------------------------------------------------------------------------------------

    async def jump(self, seconds: float) -> None:
        """The clock jumps: whatever lay between is late."""
        self.clock.advance(seconds)
        await self.catch_up()

    async def catch_up(self) -> None:
        while await self.alarms.ring():
            for _ in range(3):
                await asyncio.sleep(0)
        for process in list(self.processes.values()):
            self._look(process)

    async def pass_time(self, seconds: float) -> None:
        """Everybody is on time."""
        until = self.clock.monotonic() + seconds
        await self.work()
        while (now := self.clock.monotonic()) < until:
            patience = max(PATIENCE, (until - now) / 10)
            await self.jump(min(until, self.next_moment(patience)) - now)
            await self.work()

    def next_moment(self, patience: float) -> float:
        """When something is due next: an alarm, a timer, or a look at what is under way or overdue."""
        now = self.clock.monotonic()
        alarm = self.alarms.next()
        moments = [now + 7 * 86_400.0] if alarm is None else [alarm]
        timers = [(timer.due - self.clock.now()).total_seconds() for timer in self.tables.timers.values()]
        moments += [now + (due if due > 0 else patience) for due in timers]
        if self.tables.unsent or not self.tables.available or self._lagging():
            moments.append(now + patience)
        return max(now + 0.001, min(moments))

    def _lagging(self) -> bool:
        """Whether a loop still has something before it."""
        return any(self.behind().values())

    def behind(self) -> dict[str, int]:
        """How many records each group has not committed."""
        return {
            group: sum(
                self.log.end((topic, partition)) - self.log.committed(group).get((topic, partition), 0)
                for topic in topics
                for partition in range(PARTITIONS[topic])
            )
            for group, topics in GROUPS.items()
        }
