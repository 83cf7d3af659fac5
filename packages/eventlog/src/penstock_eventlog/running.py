"""The handlers that are at work: how many, which of them alone, since when."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.enums import ErrorClassification
from penstock_eventlog.counting import DeliveryCounts
from penstock_eventlog.errors import HandlerStuck
from penstock_eventlog.lanes import Held, Lanes
from penstock_eventlog.outcomes import DeadLetter, Failed, Outcome
from penstock_eventlog.ports import Bell, Partition
from penstock_eventlog.solitude import Solitude
from penstock_runtime.clock import Clock
from penstock_store.errors import StoreUnavailable

GRACE = 30.0
POISON = DeadLetter("poison", "its handling ended the process three times when it was handled alone")


@dataclass(frozen=True, slots=True)
class Said:
    """What came out of handling a unit; without outcomes it is to be handled again."""

    outcomes: Sequence[Outcome] | None
    traceparent: str = ""
    tracestate: str = ""
    away: object = ""
    """Why it is to be handled again."""


Call = Callable[[list[Held]], Coroutine[None, None, Said]]


@dataclass(slots=True, eq=False)
class AtWork:
    unit: list[Held]
    task: "asyncio.Task[Said]"
    since: float
    started_at: datetime
    cancelled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    unit: list[Held]
    said: Said
    started_at: datetime
    duration: float


class Running:
    def __init__(
        self,
        lanes: Lanes,
        counts: DeliveryCounts,
        call: Call,
        *,
        clock: Clock,
        solitude: Solitude,
        bell: Bell,
        concurrency: int,
        limit: float,
    ) -> None:
        self._lanes = lanes
        self._counts = counts
        self._call = call
        self._clock = clock
        self._solitude = solitude
        self._bell = bell
        self._concurrency = concurrency
        self._limit = limit
        self._at_work: list[AtWork] = []
        self._being_counted: list[list[Held]] = []

    def can_start(self) -> bool:
        """Whether `start` would find something to begin. Gives up a claim to be alone that has lost its suspect."""
        suspect = self._lanes.next_is_suspect()
        if suspect:
            return self._solitude.claim(self) and not self._at_work
        self._end_idle_claim()
        return suspect is False and len(self._at_work) < self._concurrency and self._solitude.open()

    async def start(self) -> None:
        """Counts and begins what may run beside each other, or one suspect when nothing else is handled in this
        process. Raises StoreUnavailable: then nothing was begun."""
        if self._lanes.next_is_suspect():
            unit = self._lanes.take()
            self._begin(unit, self._alone(unit))
            return
        units = self._being_counted = self._take_units()
        try:
            await self._counts.count([held for unit in units for held in unit])
        except StoreUnavailable:
            self._return_units(units)
            raise
        finally:
            self._being_counted = []
        # Suspects wait for their own turn, and what was lost while it was counted is no longer ours.
        back = [unit for unit in units if any(held.suspect or held.dropped for held in unit)]
        self._return_units(back)
        for unit in units:
            if unit not in back:
                self._begin(unit, self._call(unit))

    def _take_units(self) -> list[list[Held]]:
        units: list[list[Held]] = []
        room = self._concurrency - len(self._at_work)
        while len(units) < room and self._lanes.next_is_suspect() is False and self._solitude.join():
            units.append(self._lanes.take())
        return units

    def _return_units(self, units: list[list[Held]]) -> None:
        for unit in units:
            self._lanes.put_back(unit)
            self._solitude.leave()

    def reap(self) -> list[Ended]:
        """What ended since. Cancels what takes too long; raises HandlerStuck when that does not help."""
        now = self._clock.monotonic()
        done = [at_work for at_work in self._at_work if at_work.task.done()]
        if done:
            self._at_work = [at_work for at_work in self._at_work if not at_work.task.done()]
        for at_work in self._at_work:
            self._watch(at_work, now)
        return [self._ended(at_work, now) for at_work in done]

    def cancel(self, lost: frozenset[Partition]) -> list[Held]:
        """What is handled of these partitions; a unit that also has others goes on for their sake."""
        units = [*self._being_counted, *(at_work.unit for at_work in self._at_work)]
        dropped = [held for unit in units for held in unit if held.partition in lost]
        for at_work in self._at_work:
            if all(held.partition in lost for held in at_work.unit):
                at_work.task.cancel()
        return dropped

    async def wait(self, limit: float) -> None:
        """For an orderly end: until all have ended, or this long."""
        if self._at_work:
            await asyncio.wait([at_work.task for at_work in self._at_work], timeout=limit)

    async def abandon(self) -> None:
        for at_work in self._at_work:
            at_work.task.cancel()
        await self.wait(GRACE)
        for at_work in self._at_work:
            self._leave(at_work)
        self._at_work.clear()
        self._end_idle_claim()

    def _begin(self, unit: list[Held], work: Coroutine[None, None, Said]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: self._bell())
        self._at_work.append(AtWork(unit, task, self._clock.monotonic(), self._clock.now()))

    async def _alone(self, unit: list[Held]) -> Said:
        try:
            poison = not await self._counts.begin_alone(unit[0])
        except StoreUnavailable as error:
            return Said(None, away=error)
        if poison:
            return Said((POISON,))
        try:
            said = await self._call(unit)
        except asyncio.CancelledError:
            await self._counts.interrupt_alone(unit[0])
            raise
        await self._counts.end_alone(unit[0])
        return said

    def _watch(self, at_work: AtWork, now: float) -> None:
        if at_work.cancelled_at is None and now - at_work.since > self._limit:
            at_work.cancelled_at = now
            at_work.task.cancel()
        elif at_work.cancelled_at is not None and now - at_work.cancelled_at > GRACE:
            raise HandlerStuck(at_work.unit[0].event.envelope.type, GRACE)

    def _ended(self, at_work: AtWork, now: float) -> Ended:
        self._leave(at_work)
        cancelled = at_work.task.cancelled()
        said = Said(self._overdue(at_work), away="a handler takes too long") if cancelled else at_work.task.result()
        return Ended(at_work.unit, said, at_work.started_at, now - at_work.since)

    def _overdue(self, at_work: AtWork) -> Sequence[Outcome] | None:
        """Once may have been the machine that stood still; twice it is the record."""
        if at_work.cancelled_at is None or len(at_work.unit) > 1:
            return None
        text = f"the handler took longer than {self._limit:.0f} s"
        if at_work.unit[0].asks or not at_work.unit[0].tries:
            return (Failed(ErrorClassification.TRANSIENT, text),)
        return (DeadLetter("hung", text),)

    def _leave(self, at_work: AtWork) -> None:
        if at_work.unit[0].suspect:
            self._solitude.end_claim(self)
        else:
            self._solitude.leave()

    def _end_idle_claim(self) -> None:
        if not any(at_work.unit[0].suspect for at_work in self._at_work):
            self._solitude.end_claim(self)
