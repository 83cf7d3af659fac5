"""A simulated process: whatever it asks of outside passes a gate, so that it can die or freeze at any such moment."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import coroutine
from typing import Any, cast

from penstock_runtime.clock import ManualClock
from penstock_runtime.machine import Machine
from penstock_runtime.steps import Crashed
from tests.sim.coverage import Coverage
from tests.sim.deaths import Deaths, InHand

REST = 600.0
"""Seconds after which even those look who would be rung."""
OWNER: ContextVar["Process | None"] = ContextVar("owner", default=None)


class Blow(StrEnum):
    CRASH = "crash"
    FREEZE = "freeze"


@dataclass(slots=True)
class Fate:
    """What happens to a process when it reaches a point for the nth time from now; without a point, the nth of any."""

    blow: Blow
    point: str
    nth: int
    seconds: float
    """How long it is gone."""
    replaced: bool = False
    """Whether another one is started in its place while it is frozen."""


@dataclass(slots=True)
class ProcessClock:
    """Time as one process reads it: its host's time of day is wrong by `skew`, its monotonic clock began somewhere.

    A frozen process stops at the next gate, so what it still computes until then is computed after it wakes, and reads
    the time at which it does.
    """

    world: ManualClock
    began: float = 0.0
    skew: float = 0.0
    wakes_at: float = 0.0

    def now(self) -> datetime:
        return self.world.start + timedelta(seconds=self.world.elapsed + self.skew + self.ahead())

    def monotonic(self) -> float:
        return self.began + self.world.elapsed + self.ahead()

    def ahead(self) -> float:
        """How long it still sleeps."""
        ahead = self.wakes_at - self.world.elapsed
        return ahead if ahead > 0.0 else 0.0


class Need(StrEnum):
    """What a machine finds by looking again and again, for which no bell rings."""

    NOTHING = "nothing"
    UNSENT = "unsent rows"
    DUE = "timers that are due"
    PENDING = "runs that wait for their turn"


@dataclass(frozen=True, slots=True)
class Look:
    """How long a machine waits when it has found nothing, and what it then has to look for when time has passed."""

    idle: tuple[float, ...] = ()
    need: Need = Need.NOTHING


@dataclass(slots=True, eq=False)
class Seat:
    """A machine and when it wants its next turn."""

    machine: Machine
    look: Look
    due: float = 0.0
    task: "asyncio.Task[float] | None" = None
    rung: Callable[[], bool] = field(init=False)

    def __post_init__(self) -> None:
        self.rung = self.machine.wake.is_set

    def said(self, seconds: float, now: float) -> None:
        """A step has ended. Whoever only looks whether there is anything would be rung, or is told when time passes."""
        self.due = now + (REST if seconds in self.look.idle else seconds)


@dataclass(slots=True, eq=False)
class Process:
    """One life of a process. Implements Steps. `struck` is told what happened to it, and for how long."""

    name: str
    holder: str
    clock: ProcessClock
    coverage: Coverage
    struck: "Callable[[Process, Fate], None]"
    seats: list[Seat] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    dead: bool = False
    frozen: bool = False
    tasks: "dict[asyncio.Task[Any], None]" = field(default_factory=dict)
    """Those that have not ended, in the order in which they began."""
    on_gone: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What others do once they have noticed that it is gone, such as a group its consumers."""
    on_end: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    """What it still does at an orderly end."""
    expected: Callable[[], float | None] = lambda: None
    """Seconds until it does something of itself that nobody rings for and no table tells, or None."""
    in_hand: InHand = field(default_factory=lambda: InHand(Deaths()))
    losses: int = 0
    """The answer that gets lost on its way: this many calls from now."""
    _waiting: "list[asyncio.Future[None]]" = field(default_factory=list)
    _context: Context = field(default_factory=copy_context)

    def __post_init__(self) -> None:
        self._context.run(OWNER.set, self)

    @property
    def running(self) -> bool:
        return not self.dead and not self.frozen

    def reach(self, point: str) -> None:
        if self.dead:
            raise Crashed
        self.coverage.reached[point] += 1
        if self.fates:
            self.tempt(point)

    def tempt(self, point: str) -> None:
        """Something is about to happen here: a step has been reached, or something is asked outside."""
        for fate in self.fates:
            if not fate.point or fate.point == point:
                fate.nth -= 1
        met = [fate for fate in self.fates if fate.nth <= 0]
        if not met:
            return
        fate = met[0]
        self.fates.remove(fate)
        self.coverage.struck[fate.blow, point] += 1
        self.strike(fate)
        if self.dead:
            raise Crashed

    def hold(self, count: int, holder: str = "") -> None:
        """Nobody asks here."""

    def strike(self, fate: Fate) -> None:
        if fate.blow is Blow.CRASH:
            self.dead = True
            self.in_hand.struck()
        else:
            self.frozen = True
            self.clock.wakes_at = max(self.clock.wakes_at, self.clock.world.elapsed + fate.seconds)
        self.struck(self, fate)

    def wake(self) -> None:
        """Unless something else keeps it frozen for longer."""
        if self.clock.wakes_at <= self.clock.world.elapsed:
            self._thaw()

    def _thaw(self) -> None:
        self.frozen = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def passage(self) -> None:
        """Before anything is asked of outside: the dead ask nothing, the frozen later. Each waits for a future of its
        own: a step that is begun by hand and a task cannot wait for the same one, nor be cancelled apart."""
        while self.frozen:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        if self.dead:
            raise Crashed

    def answer_lost(self) -> bool:
        """Asked after something was done outside: whether this process never learns of it."""
        if not self.losses:
            return False
        self.losses -= 1
        return self.losses == 0

    def start(self, work: Coroutine[Any, Any, float]) -> "float | asyncio.Task[float]":
        """What it says, where it never waits, as nearly always; else the task that goes on with it."""
        context = self._context
        try:
            awaited = context.run(work.send, None)
        except StopIteration as ended:
            return cast(float, ended.value)
        return asyncio.get_running_loop().create_task(_rest(work, awaited), context=context)

    def start_task(self, work: Coroutine[Any, Any, float]) -> "asyncio.Task[float]":
        """For what waits for the real world, and so must be a task from its beginning."""
        return asyncio.get_running_loop().create_task(work, context=self._context)

    def end(self) -> None:
        """In order: nothing more is begun."""
        self.seats.clear()
        for last in self.on_end:
            asyncio.get_running_loop().create_task(last(), context=self._context)

    def bury(self) -> None:
        """Nothing of it goes on. What its tasks do while they end reaches nobody."""
        self.dead = True
        self._thaw()
        for task in self.tasks:
            task.cancel()
        self.seats.clear()

    async def leave(self) -> None:
        """Others notice that it is gone. Whoever is put out finds out when it looks."""
        self.in_hand.struck()
        for seat in self.seats:
            seat.due = 0.0
        noticing, self.on_gone = self.on_gone, []
        for noticed in noticing:
            await noticed()


async def _rest(work: Coroutine[Any, Any, float], awaited: object) -> float:
    """A coroutine that was begun outside of a task, and waits for this."""
    return await _going_on(work, awaited)


@coroutine
def _going_on(work: Coroutine[Any, Any, float], awaited: object) -> Generator[object, None, float]:
    try:
        while True:
            try:
                yield awaited
            except asyncio.CancelledError as error:
                awaited = work.throw(error)
            else:
                awaited = work.send(None)
    except StopIteration as ended:
        return cast(float, ended.value)


def adopting(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> "asyncio.Task[Any]":
    """A task factory: every task belongs to the process whose code began it."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    context = given.get("context")
    owner = context.get(OWNER) if context is not None else OWNER.get()
    if owner is not None:
        owner.tasks[task] = None
        task.add_done_callback(owner.tasks.pop)
        task.add_done_callback(_seen)
    return task


def _seen(task: "asyncio.Task[Any]") -> None:
    """Looks at how it ended, so that nobody complains that nobody did."""
    if not task.cancelled():
        task.exception()
