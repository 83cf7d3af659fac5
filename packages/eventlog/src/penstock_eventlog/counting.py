"""How often a record was begun: what ends its process must be found out, and must not stop the others for ever.

Two counts per record, kept in the store's deliveries.

- In company (consumer `<group>`): one more when its turn has come, with one upsert for all whose turn it is. 1: nobody
  died of it. 2: a process ended, not in order, while this record was handled, or its end was not committed yet; most
  processes that are killed were not killed by a record, so what they had in hand is handled beside others once more.
  From 3 on the record is a *suspect*. Those handled beside it twice are suspects too, those that only waited are not.
- Alone (consumer `<group> alone`): one more when a suspect's own turn has come and nothing else is handled in the
  process, and forgotten as soon as its handler has returned or raised. So a count of n says: n - 1 processes died of
  this record alone. At three deaths alone, a count of 4, it is *poison* and not handled again.

Both are forgotten before the commit and taken back by an orderly end, so that only deaths are counted. A suspect that
waits for its turn is not counted alone: it does not become poison for what its neighbour did.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from penstock_eventlog.lanes import Held
from penstock_eventlog.ports import Partition
from penstock_store.errors import StoreUnavailable
from penstock_store.ports import Deliveries
from penstock_store.rows import Place

_log = logging.getLogger(__name__)
Write = Callable[[str, Sequence[Place]], Awaitable[None]]
SUSPECT = 3
DEATHS_ALONE = 3


class DeliveryCounts:
    def __init__(self, deliveries: Deliveries, group: str) -> None:
        self._deliveries = deliveries
        self._company = group
        self._alone = f"{group} alone"
        self._counted: set[Place] = set()
        self._suspects: set[Place] = set()
        self._to_forget: dict[str, set[Place]] = {self._company: set(), self._alone: set()}
        self._to_take_back: dict[str, set[Place]] = {self._company: set()}

    async def count(self, batch: Sequence[Held]) -> None:
        """Marks the suspects; whoever waits for another try is counted already. Raises StoreUnavailable: then none of
        the batch may be handled."""
        batch = [held for held in batch if not held.counted]
        if not batch:
            return
        counts = await self._deliveries.count(self._company, [held.place for held in batch])
        for held in batch:
            held.counted = True
            held.suspect = counts[held.place] >= SUSPECT
            self._counted.add(held.place)
            if held.suspect:
                self._suspects.add(held.place)

    async def begin_alone(self, held: Held) -> bool:
        """False: it is poison. Raises StoreUnavailable."""
        counts = await self._deliveries.count(self._alone, [held.place])
        return counts[held.place] <= DEATHS_ALONE

    async def end_alone(self, held: Held) -> None:
        try:
            await self._deliveries.forget(self._alone, [held.place])
        except StoreUnavailable:
            self._to_forget[self._alone].add(held.place)

    async def interrupt_alone(self, held: Held) -> None:
        """It was cancelled: this time says nothing, what the times before said stands."""
        try:
            await self._deliveries.take_back(self._alone, [held.place])
        except StoreUnavailable:
            _log.warning("a death too many is counted", extra={"group": self._company})

    def finished(self, places: Iterable[Place]) -> None:
        """They are committed: nobody has to know any more how often they were begun."""
        places = set(places)
        self._to_forget[self._company] |= places
        self._to_forget[self._alone] |= places & self._suspects
        self._counted -= places
        self._suspects -= places

    def unfinished(self, places: Iterable[Place]) -> None:
        """They were given back in order: lost to another member, or the process ends."""
        returned = self._counted & set(places)
        self._to_take_back[self._company] |= returned
        self._counted -= returned
        self._suspects -= returned

    def lost(self, partitions: frozenset[Partition]) -> None:
        self.unfinished([place for place in self._counted if (place.topic, place.partition) in partitions])

    def all_unfinished(self) -> None:
        self.unfinished(set(self._counted))

    def pending(self) -> bool:
        return any((*self._to_forget.values(), *self._to_take_back.values()))

    async def flush(self) -> None:
        """Raises StoreUnavailable; what was not written is kept."""
        for consumer in self._to_forget:
            await self._write(self._to_forget, consumer, self._deliveries.forget)
        await self._write(self._to_take_back, self._company, self._deliveries.take_back)

    async def _write(self, waiting: dict[str, set[Place]], consumer: str, write: Write) -> None:
        places, waiting[consumer] = waiting[consumer], set()
        if not places:
            return
        try:
            await write(consumer, sorted(places, key=_order))
        except StoreUnavailable:
            waiting[consumer] |= places
            raise


def _order(place: Place) -> tuple[str, int, int]:
    return place.topic, place.partition, place.position
