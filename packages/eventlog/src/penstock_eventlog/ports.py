"""The Log port. Memory, Postgres and Kafka pass one suite (tests/suites)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_contracts.envelope import Headers
from penstock_store.rows import Lease, OutboxRow, Place, RawRecord


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to publish. With a spread: partition `spread % partitions` of the topic as it really is."""

    topic: str
    key: str
    headers: Headers
    value: bytes
    stream: str
    spread: int | None = None


Partition = tuple[str, int]
Revoked = Callable[[frozenset[Partition]], None]
Bell = Callable[[], None]


class Consumer(Protocol):
    """One member of a group. Not thread-safe, driven by one task."""

    async def poll(self, limit: int, timeout: float) -> Sequence[RawRecord]:
        """At most `limit` records of partitions that are not paused, in order per partition; with timeout 0 at once.
        Also keeps the membership alive: call it often, also when everything is paused. May raise LogUnavailable,
        LogMisconfigured, LogTakenOver."""
        ...

    async def commit(self, places: Sequence[Place]) -> None:
        """The next positions to read, per partition. Places of partitions lost meanwhile are ignored."""
        ...

    def pause(self, partitions: Sequence[Partition]) -> None: ...

    def resume(self, partitions: Sequence[Partition]) -> None: ...

    def assigned(self) -> frozenset[Partition]: ...

    def lag(self) -> Mapping[Partition, int]:
        """How many records lie behind what this member was given, as far as it knows without asking."""
        ...

    async def close(self) -> None:
        """Leaves the group at once; a member of a lasting name keeps its place for a moment, to come back to."""
        ...


class Producer(Protocol):
    async def send(self, records: Sequence[NewRecord]) -> None:
        """Returns when every record is acknowledged; records of one key and topic lie in the order given.

        Raises RecordRefused (the records it does not name are acknowledged) or LogUnavailable (some may be there). What
        follows a refused record of the same stream is refused with it wherever the log can know in time.
        """
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    def consumer(
        self, group: str, topics: Sequence[str], on_revoked: Revoked, wake: asyncio.Event | None = None
    ) -> Consumer:
        """`on_revoked` is called, from poll, with the partitions this member lost: drop what is held of them.
        `wake` is set, as a hint, when a poll may find something; polling is relied on."""
        ...

    def producer(self) -> Producer: ...

    async def partitions(self) -> Mapping[str, int]:
        """Of every topic of the flow table, as it really is."""
        ...

    async def prepare(self) -> None:
        """Creates missing topics of the flow table. Idempotent."""
        ...

    async def check(self) -> None:
        """For readiness: raises when the log cannot be used."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Published:
    """Which rows the sink took, and those it refused for good with the reason."""

    taken: tuple[int, ...]
    refused: Mapping[int, str]


class Sink(Protocol):
    """Where the relay publishes to."""

    async def publish(self, rows: Sequence[OutboxRow], *leases: Lease) -> Published:
        """Every row is taken or refused; the leases are those of their shards. LogUnavailable, StoreUnavailable: some
        may be there, ask again. FenceLost."""
        ...

    async def mark(self, ids: Sequence[int], *leases: Lease) -> None:
        """What was taken is not to be published again. FenceLost: somebody else holds this lease, nothing is marked."""
        ...
