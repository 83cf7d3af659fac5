"""SIGSTOP and, some time later, SIGCONT: of a service, and of the one whose lease somebody else takes meanwhile."""

import asyncio
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from penstock.local.process import ServerProcess
from tests.chaos.faults import Struck
from tests.chaos.plan import Fault, Kind
from tests.chaos.supervisor import Supervisor

_LOOK = 0.01
_HOLDERS = "select distinct holder from workflow.leases where key like 'relay:%' and expires_at > clock_timestamp()"


@dataclass(slots=True)
class Freezing:
    supervisor: Supervisor
    kinds: Collection[Kind] = field(default=(Kind.FREEZE, Kind.LEASE))
    _stopped: list[ServerProcess] = field(default_factory=list)

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        victim = self._awake(fault.victim) if fault.kind is Kind.FREEZE else await self._lease_holder(patience)
        if victim is None or victim in self.supervisor.frozen:
            return None
        if fault.kind is Kind.FREEZE:
            await self._moment(victim, patience)
        async with self.supervisor.busy:
            process = await self.supervisor.running(victim)
            self._stopped.append(process)
            self.supervisor.frozen.add(victim)
            process.send(signal.SIGSTOP)
        name, step, held = self.supervisor.last_step(victim)
        at = datetime.now(UTC)
        await asyncio.sleep(fault.seconds)
        self._wake(process)
        self.supervisor.frozen.discard(victim)
        return Struck(fault.kind, name, at, step, held, fault.seconds)

    async def mend(self) -> None:
        while self._stopped:
            self._wake(self._stopped[-1])

    def _awake(self, victim: str) -> str | None:
        """Somebody else where the one who was drawn is frozen already."""
        awake = self.supervisor.awake()
        return victim if victim in awake else next(iter(awake), None)

    def _wake(self, process: ServerProcess) -> None:
        process.send(signal.SIGCONT)
        with suppress(ValueError):
            self._stopped.remove(process)

    async def _moment(self, victim: str, patience: float) -> None:
        """Until it has something in hand, or the time is up."""
        until = time.monotonic() + patience
        while time.monotonic() < until and not self.supervisor.in_hand(victim):
            await asyncio.sleep(_LOOK)

    async def _lease_holder(self, patience: float) -> str | None:
        """An orchestrator that publishes; nobody says so while the database is away."""
        stage, until = self.supervisor.stage, time.monotonic() + patience
        while time.monotonic() < until:
            with suppress(psycopg.OperationalError):
                holders = await asyncio.to_thread(_holders, stage.cluster.database_url)
                if names := [name for name in self.supervisor.awake() if f"orchestrator@{name}" in holders]:
                    return names[0]
            await asyncio.sleep(0.2)
        return None


def _holders(url: str) -> list[str]:
    with psycopg.connect(url, connect_timeout=2) as connection:
        return [str(row[0]) for row in connection.execute(_HOLDERS).fetchall()]
