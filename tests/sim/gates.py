"""The log as one simulated process sees it: every call passes its gate."""

import asyncio
from collections.abc import Mapping, Sequence

from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.memory import MemoryConsumer, MemoryLog
from penstock_eventlog.ports import Consumer, NewRecord, Partition, Revoked
from penstock_store.rows import Place, RawRecord
from tests.sim.process import Process


class Group:
    """One member, as its process sees it: whoever is silent for too long is put out, and joins again."""

    def __init__(
        self, log: "ProcessLog", group: str, topics: Sequence[str], told: Revoked, wake: asyncio.Event
    ) -> None:
        self._log, self._group, self._topics = log, group, topics
        self._told, self._wake = told, wake
        self._held: frozenset[Partition] = frozenset()
        self._member = self._joined()

    def _joined(self) -> MemoryConsumer | None:
        self._log.process.on_gone.append(self._out)
        return self._log.inner.consumer(self._group, self._topics, self._told, self._wake)

    async def _out(self) -> None:
        """The group has put it out, whether it is gone or only could not be heard; it finds out when it polls."""
        if self._member is not None:
            self._held = self._member.holds()
            await self._member.close()
            self._member = None

    async def poll(self, limit: int, timeout: float) -> Sequence[RawRecord]:
        await self._log.process.passage()
        if self._member is None:
            self._told(self._held)
            self._member = self._joined()
        assert self._member is not None
        return await self._member.poll(limit, timeout)

    async def commit(self, places: Sequence[Place]) -> None:
        """Of who was put out while it was frozen in here nothing is taken, though it may have joined again since."""
        member = self._member
        self._log.process.tempt("log.commit")
        await self._log.process.passage()
        if member is not None and member is self._member:
            await member.commit(places)
        self._log.lose_answer()

    def pause(self, partitions: Sequence[Partition]) -> None:
        if self._member is not None:
            self._member.pause(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        if self._member is not None:
            self._member.resume(partitions)

    def assigned(self) -> frozenset[Partition]:
        return self._member.assigned() if self._member is not None else frozenset()

    def lag(self) -> Mapping[Partition, int]:
        return self._member.lag() if self._member is not None else {}

    async def close(self) -> None:
        if self._member is not None:
            await self._member.close()


class ProcessLog:
    """Implements Log and Producer for one process."""

    def __init__(self, inner: MemoryLog, process: Process) -> None:
        self.inner, self.process = inner, process

    def consumer(
        self, group: str, topics: Sequence[str], on_revoked: Revoked, wake: asyncio.Event | None = None
    ) -> Consumer:
        return Group(self, group, topics, on_revoked, wake or asyncio.Event())

    def producer(self) -> "ProcessLog":
        return self

    async def send(self, records: Sequence[NewRecord]) -> None:
        self.process.tempt("log.send")
        await self.process.passage()
        self.inner.append(records)
        self.lose_answer()

    def lose_answer(self) -> None:
        """It was done, and the process does not learn of it."""
        if self.process.answer_lost():
            raise LogUnavailable("it was done, and the answer was lost")

    async def partitions(self) -> Mapping[str, int]:
        return await self.inner.partitions()

    async def prepare(self) -> None:
        """The topics are there."""

    async def check(self) -> None:
        self.inner.raise_if_away()

    async def close(self) -> None:
        """It belongs to the world."""
