"""A simulated process: whatever it asks of outside passes a gate, so that it can die or freeze at any such moment."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from penstock_runtime.machine import Machine
from penstock_runtime.steps import Crashed
from tests.sim.coverage import Coverage

OWNER: ContextVar["Process | None"] = ContextVar("owner", default=None)


class Blow(StrEnum):
    CRASH = "crash"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a process when it reaches a point for the nth time; without a point, at the nth of any."""

    blow: Blow
    point: str
    nth: int
    seconds: float
    """How long it is gone."""


@dataclass(slots=True, eq=False)
class Seat:
    """A machine and when it wants its next turn."""

    machine: Machine
    due: float = 0.0
    task: "asyncio.Task[float] | None" = None

    def ready(self, now: float) -> bool:
        return self.task is None and (self.due <= now or self.machine.wake.is_set())


@dataclass(slots=True, eq=False)
class Process:
    """One life of a process. Implements Steps. `struck` is told what happened to it, and for how long."""

    name: str
    holder: str
    coverage: Coverage
    struck: "Callable[[Process, Fate], None]"
    seats: list[Seat] = field(default_factory=list)
    fate: Fate | None = None
    dead: bool = False
    tasks: "set[asyncio.Task[Any]]" = field(default_factory=set)
    on_gone: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What others do once they have noticed that it is gone, such as a group its consumers."""
    _thawed: "asyncio.Future[None] | None" = None

    @property
    def frozen(self) -> bool:
        return self._thawed is not None

    @property
    def running(self) -> bool:
        return not self.dead and not self.frozen

    def reach(self, point: str) -> None:
        if self.dead:
            raise Crashed
        self.coverage.reached[point] += 1
        fate = self.fate
        if fate is None or (fate.point and fate.point != point):
            return
        if fate.nth > 1:
            self.fate = Fate(fate.blow, fate.point, fate.nth - 1, fate.seconds)
            return
        self.fate = None
        self.coverage.struck[fate.blow, point] += 1
        self.strike(fate)
        if self.dead:
            raise Crashed

    def hold(self, count: int, holder: str = "") -> None:
        """Nobody asks here."""

    def strike(self, fate: Fate) -> None:
        if fate.blow is Blow.CRASH:
            self.dead = True
        elif not self.frozen:
            self._thawed = asyncio.get_running_loop().create_future()
        self.struck(self, fate)

    def thaw(self) -> None:
        if self._thawed is not None:
            self._thawed.set_result(None)
            self._thawed = None

    async def passage(self) -> None:
        """Before anything is asked of outside: the dead ask nothing, the frozen later."""
        while self._thawed is not None:
            await self._thawed
        if self.dead:
            raise Crashed

    def start(self, work: Coroutine[Any, Any, float]) -> "asyncio.Task[float]":
        context = copy_context()
        context.run(OWNER.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def bury(self) -> None:
        """Nothing of it goes on. What its tasks do while they end reaches nobody."""
        self.dead = True
        self.thaw()
        for task in self.tasks:
            task.cancel()
        self.seats.clear()

    async def leave(self) -> None:
        """Others notice that it is gone."""
        noticing, self.on_gone = self.on_gone, []
        for noticed in noticing:
            await noticed()


def adopting(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> "asyncio.Task[Any]":
    """A task factory: every task belongs to the process whose code began it."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    context = given.get("context")
    owner = context.get(OWNER) if context is not None else OWNER.get()
    if owner is not None:
        owner.tasks.add(task)
        task.add_done_callback(owner.tasks.discard)
        task.add_done_callback(_seen)
    return task


def _seen(task: "asyncio.Task[Any]") -> None:
    """Looks at how it ended, so that nobody complains that nobody did."""
    if not task.cancelled():
        task.exception()
