"""The sixth step of the loop: the finished prefix is committed beside the steps, with what is finished meanwhile."""

from collections.abc import Sequence

from penstock_eventlog.beside import Beside
from penstock_eventlog.counting import DeliveryCounts
from penstock_eventlog.patience import Patience
from penstock_eventlog.ports import Bell, Consumer
from penstock_eventlog.prefix import FinishedPrefix
from penstock_runtime.clock import Clock
from penstock_store.errors import StoreUnavailable
from penstock_store.rows import Place


class Committing:
    """What is finished waits a moment for what follows: a commit costs broker and database as much for one record as
    for many, at the very time at which they are to serve the next. What a death finds uncommitted is handled again."""

    def __init__(
        self,
        prefix: FinishedPrefix,
        counts: DeliveryCounts,
        store: Patience,
        *,
        clock: Clock,
        bell: Bell,
        pace: float,
    ) -> None:
        self._prefix, self._counts, self._store = prefix, counts, store
        self._clock, self._pace = clock, pace
        self._beside = Beside(bell)
        self._due: float | None = None

    def hurry(self) -> None:
        """The process ends: nothing waits any more."""
        self._pace, self._due = 0.0, None

    def wait(self) -> float:
        """Seconds until the next is due; 0: nothing waits, or the bell will ring."""
        if self._due is None or not self._beside.free():
            return 0.0
        return max(0.001, self._due - self._clock.monotonic())

    def step(self, consumer: Consumer | None) -> bool:
        """Whether a commit has succeeded. Raises LogUnavailable when the last one failed; what it held is kept."""
        ended = self._beside.take()
        places = self._prefix.committable()
        forget = self._counts.pending() and not self._store.wait()
        if not (places or forget):
            self._due = None
        elif self._beside.free() and self._is_due():
            self._due = None
            self._beside.begin(self._forget_and_commit(consumer, places))
        return ended

    async def wait_for_it(self, limit: float) -> None:
        """For an orderly end: until what is under way has ended, or this long."""
        await self._beside.wait(limit)

    def _is_due(self) -> bool:
        now = self._clock.monotonic()
        if self._due is None:
            self._due = now + self._pace
        return now >= self._due

    async def _forget_and_commit(self, consumer: Consumer | None, places: Sequence[Place]) -> None:
        """A death in between hands the records out once more, as if for the first time; they were no cause of it."""
        try:
            await self._counts.flush()
        except StoreUnavailable as error:
            self._store.failed(error)
        standing = self._prefix.standing(places)
        if consumer is not None and standing:
            await consumer.commit(standing)
            self._prefix.committed(standing)
