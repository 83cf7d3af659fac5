"""A simulated process: whatever it asks of outside passes a gate, so that it can die or freeze at any such moment."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from enum import StrEnum
from types import coroutine
from typing import Any, cast

from penstock_runtime.machine import Machine
from penstock_runtime.steps import Crashed
from tests.sim.coverage import Coverage

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
    fates: list[Fate] = field(default_factory=list)
    dead: bool = False
    tasks: "dict[asyncio.Task[Any], None]" = field(default_factory=dict)
    """Those that have not ended, in the order in which they began."""
    on_gone: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What others do once they have noticed that it is gone, such as a group its consumers."""
    frozen: bool = False
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
        for fate in self.fates:
            if not fate.point or fate.point == point:
                fate.nth -= 1
        if any(fate.nth <= 0 for fate in self.fates):
            self._meet(point)

    def _meet(self, point: str) -> None:
        fate = next(fate for fate in self.fates if fate.nth <= 0)
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
        else:
            self.frozen = True
        self.struck(self, fate)

    def thaw(self) -> None:
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

    def start(self, work: Coroutine[Any, Any, float]) -> "float | asyncio.Task[float]":
        """What it says, where it never waits, as nearly always; else the task that goes on with it."""
        context = self._context
        try:
            awaited = context.run(work.send, None)
        except StopIteration as ended:
            return cast(float, ended.value)
        return asyncio.get_running_loop().create_task(_rest(work, awaited), context=context)

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
