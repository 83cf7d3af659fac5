"""How long what is kept: retention as chores of the housekeeping."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from penstock_contracts.flow import TOPICS, topics_heard_by
from penstock_eventlog.housekeeping import Chore, Piece
from penstock_orchestrator.settings import KeepingSettings
from penstock_store.ports import Store
from penstock_store.rows import Waste

ROWS = 2000
STREAMS = 50
DELIVERY_AGE = timedelta(days=8)
"""A count outlives its record on no topic that a loop reads."""
LEASE_AGE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Sweep:
    """The rows of one kind."""

    store: Store
    waste: Waste
    age: timedelta
    limit: int = ROWS

    @property
    def name(self) -> str:
        return self.waste.value

    async def piece(self) -> Piece:
        assert self.store.retention is not None
        gone = await self.store.retention.sweep(self.waste, await self.store.now() - self.age, self.limit)
        return Piece(gone, more=gone == self.limit)


@dataclass(frozen=True, slots=True)
class SweepTopic:
    """A topic of the log table."""

    store: Store
    topic: str
    age: timedelta
    limit: int = ROWS
    name: str = "log"

    async def piece(self) -> Piece:
        assert self.store.retention is not None
        gone = await self.store.retention.sweep_log(self.topic, await self.store.now() - self.age, self.limit)
        return Piece(gone, more=gone == self.limit)


@dataclass(frozen=True, slots=True)
class SweepStreams:
    """Pull requests that rest."""

    store: Store
    age: timedelta
    limit: int = STREAMS
    name: str = "streams"

    async def piece(self) -> Piece:
        assert self.store.retention is not None
        gone = await self.store.retention.sweep_streams(await self.store.now() - self.age, self.limit)
        return Piece(gone, more=gone == self.limit)


@dataclass(frozen=True, slots=True)
class CleanCache:
    """What was kept for a time that is over."""

    store: Store
    limit: int = ROWS
    name: str = "cache_entries"

    async def piece(self) -> Piece:
        gone = await self.store.cache.clean(self.limit)
        return Piece(gone, more=gone == self.limit)


def chores(store: Store, keeping: KeepingSettings) -> Sequence[Chore]:
    """None for a store that keeps nothing. The inbox is kept for as long as anything in it can come again: from its
    topic, or from a dead letter; and a stream for longer than that, so that nothing late begins it anew."""
    if store.retention is None:
        return ()
    letters = timedelta(days=keeping.letters)
    topics = max(timedelta(hours=topic.retention_hours) for topic in topics_heard_by("orchestrator"))
    ages = {
        Waste.SENT: timedelta(days=keeping.messages),
        Waste.RECEIVED: topics + letters,
        Waste.DELIVERIES: DELIVERY_AGE,
        Waste.LETTERS: letters,
        Waste.BLOBS: timedelta(days=keeping.blobs),
        Waste.LEASES: LEASE_AGE,
    }
    return (
        *(Sweep(store, waste, age) for waste, age in ages.items()),
        CleanCache(store),
        *(SweepTopic(store, topic.name, timedelta(hours=topic.retention_hours)) for topic in TOPICS),
        SweepStreams(store, max(timedelta(days=keeping.streams), topics + letters)),
    )
