"""Clocks that differ: every process is started with one that goes wrong, and some jump while they run."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.faults import Struck
from tests.chaos.plan import Fault, Kind
from tests.chaos.supervisor import Supervisor


@dataclass(slots=True)
class Clocks:
    supervisor: Supervisor
    kinds: Collection[Kind] = field(default=(Kind.CLOCK,))

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        self.supervisor.stage.skew(fault.victim)
        name, step, held = self.supervisor.last_step(fault.victim)
        return Struck(Kind.CLOCK, name, datetime.now(UTC), step, held)

    async def mend(self) -> None:
        """Clocks stay wrong: the judges look at the database's."""
