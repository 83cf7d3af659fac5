"""The Log port. Memory, Postgres and Kafka pass one suite (tests/suites)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_contracts.envelope import Headers
from penstock_store.rows import OutboxRow, Place, RawRecord


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


class Consumer(Protocol):
    """One member of a group. Not thread-safe, driven by one task."""

    async def poll(self, limit: int, timeout: float) -> Sequence[RawRecord]:
        """At most `limit` records of partitions that are not paused, in order per partition. Also keeps the membership
        alive: call it often, also when everything is paused. May raise LogUnavailable, LogMisconfigured."""
        ...

    async def commit(self, places: Sequence[Place]) -> None:
        """The next positions to read, per partition. Places of partitions lost meanwhile are ignored."""
        ...

    def pause(self, partitions: Sequence[Partition]) -> None: ...

    def resume(self, partitions: Sequence[Partition]) -> None: ...

    def assigned(self) -> frozenset[Partition]: ...

    async def close(self) -> None:
        """Leaves the group at once."""
        ...


class Producer(Protocol):
    async def send(self, records: Sequence[NewRecord]) -> None:
        """Returns when every record is acknowledged. Raises RecordRefused or LogUnavailable (some may be there)."""
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    def consumer(
        self, group: str, topics: Sequence[str], on_revoked: Callable[[frozenset[Partition]], None]
    ) -> Consumer:
        """`on_revoked` is called, from poll, with the partitions this member lost: drop what is held of them."""
        ...

    def producer(self) -> Producer: ...

    async def partitions(self) -> Mapping[str, int]:
        """Of every topic of the flow table, as it really is."""
        ...

    async def prepare(self) -> None:
        """Creates missing topics of the flow table. Idempotent."""
        ...

    async def check(self) -> None: ...

    async def close(self) -> None: ...


class Sink(Protocol):
    """Where the relay publishes to."""

    async def publish(self, rows: Sequence[OutboxRow]) -> "Published": ...


@dataclass(frozen=True, slots=True)
class Published:
    """Which rows the sink took, and those it refused for good with the reason."""

    taken: tuple[int, ...]
    refused: Mapping[int, str]
