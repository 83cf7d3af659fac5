"""Broker and database: killed and started again, or frozen with everything they started; one of a kind at a time."""

import asyncio
import signal
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import psutil

from penstock.local.process import ServerProcess
from tests.chaos.faults import Struck
from tests.chaos.plan import BROKER, Fault, Kind
from tests.chaos.stage import Stage


@dataclass(slots=True)
class Servers:
    stage: Stage
    rng: Random
    back_after: dict[str, list[float]]
    kinds: Collection[Kind] = field(default=(Kind.BOUNCE, Kind.HANG))
    locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """Never two blows at one server: while it is being started there is nothing to kill."""
    _stopped: list[ServerProcess] = field(default_factory=list)

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        async with self.locks[fault.victim]:
            node = self.rng.choice(self.stage.cluster.kafka.nodes)
            name = f"{BROKER} {node}" if fault.victim == BROKER else fault.victim
            at = datetime.now(UTC)
            if fault.kind is Kind.BOUNCE:
                await self._bounce(fault.victim, node)
            else:
                await self._hang(fault, node)
            return Struck(fault.kind, name, at, "", seconds=fault.seconds)

    async def mend(self) -> None:
        self._wake(list(self._stopped))

    async def _bounce(self, victim: str, node: int) -> None:
        cluster, died = self.stage.cluster, time.monotonic()
        if victim == BROKER:
            await asyncio.to_thread(cluster.kafka.kill, node)
            await asyncio.to_thread(cluster.kafka.start)
        else:
            await asyncio.to_thread(cluster.postgres.kill)
            await asyncio.to_thread(cluster.postgres.start)
        self.back_after[victim].append(time.monotonic() - died)

    async def _hang(self, fault: Fault, node: int) -> None:
        stopped = self._family(fault.victim, node)
        self._stopped += stopped
        for process in stopped:
            process.send(signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        self._wake(stopped)

    def _family(self, victim: str, node: int) -> list[ServerProcess]:
        """The postmaster first, so that it starts nothing more."""
        cluster = self.stage.cluster
        process = cluster.kafka.process(node) if victim == BROKER else cluster.postgres.process()
        if process is None:
            return []
        children = psutil.Process(process.pid).children(recursive=True)
        return [process, *(ServerProcess(child.pid, child.create_time()) for child in children)]

    def _wake(self, stopped: Sequence[ServerProcess]) -> None:
        for process in stopped:
            process.send(signal.SIGCONT)
        self._stopped = [process for process in self._stopped if process not in stopped]
