"""The timer scanner: timers that are due become events, applied like any other.

1. read     timers due by the store's clock, oldest first, without locking them
2. apply    `streams.apply` locks the stream and finds out whether the timer still stands

A crash point stands after each. Any number of processes may scan: a timer's event id is the timer's id, so it is
applied once, and the store takes a timer away that fired, also when its event stalled.
"""

import asyncio
from typing import Generic

from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, TimerFired
from penstock_eventlog.patience import Patience
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.hints import Hint
from penstock_store.ports import Fold, S, Store
from penstock_store.rows import TIMERS, Delivered, RawRecord, TimerRow, Verdict

READ, APPLIED = "timers.1.read", "timers.2.applied"
POINTS = (READ, APPLIED)
CONSUMER = TIMERS
SOURCE = "penstock/timers"
BATCH = 200
POLL = 1.0


def fired(timer: TimerRow) -> Delivered:
    """The event of a timer. It never lay on a log, so its record has no value. Pure."""
    fact = TimerFired(timer.id, timer.kind, timer.run_id, timer.stage, timer.part, timer.attempt, timer.generation)
    envelope = Envelope(
        id=timer.id,
        type=fact.TYPE,
        source=SOURCE,
        time=timer.due,
        stream=timer.stream,
        workflow_id=timer.run_id,
        stage=timer.stage,
        part=timer.part,
        attempt=timer.attempt,
    )
    event: Event[Fact] = Event(envelope, fact)
    return Delivered(event, RawRecord(fact.TYPE, 0, 0, timer.stream.encode(), (), None))


class TimerScanner(Generic[S]):
    """A Machine."""

    def __init__(self, store: Store, fold: Fold[S], *, clock: Clock, metrics: Metrics, steps: Steps = NO_STEPS) -> None:
        self._store, self._fold = store, fold
        self._metrics, self._steps = metrics, steps
        self._patience = Patience("the store", clock)
        self._wake = asyncio.Event()
        store.hints.subscribe(Hint.TIMERS, self._wake)

    @property
    def name(self) -> str:
        return "timers"

    @property
    def wake(self) -> asyncio.Event:
        return self._wake

    async def step(self) -> float:
        """One turn of the two steps of the module's docstring."""
        return await self._patience.turn(self._turn)

    async def stop(self) -> None:
        self._store.hints.unsubscribe(Hint.TIMERS, self._wake)

    async def _turn(self) -> float:
        due = await self._store.timers.due(BATCH)  # 1
        self._metrics.timers_due.set(len(due))
        if not due:
            return await self._until_next()
        self._steps.reach(READ)
        verdicts = await self._store.streams.apply(CONSUMER, [fired(timer) for timer in due], self._fold)  # 2
        self._steps.reach(APPLIED)
        # Nothing but duplicates: another scanner is at it, and asking at once would only disturb it.
        return 0.0 if any(verdict is not Verdict.DUPLICATE for verdict in verdicts) else POLL

    async def _until_next(self) -> float:
        following = await self._store.timers.next_due()
        if following is None:
            return POLL
        remaining = (following - await self._store.now()).total_seconds()
        return min(POLL, max(0.0, remaining))
