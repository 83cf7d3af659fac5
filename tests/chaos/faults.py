"""What was done, as it is told in the report, and the port of those who do it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from penstock_eventlog import relay
from penstock_store.points import RECEIVE_WRITTEN
from tests.chaos.plan import Fault, Kind

IN_HAND = frozenset({relay.READ, relay.PUBLISHED, RECEIVE_WRITTEN})
"""Steps at which somebody has something in hand that is no record of the log."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was made."""

    kind: Kind
    victim: str
    at: datetime
    point: str
    """The last numbered step of a process of ours; else what is known of the moment, or nothing."""
    held: int = 0
    """Records of the log."""
    seconds: float = 0.0

    @property
    def holding(self) -> bool:
        """A record of the log, or of the outbox, or one that was written and not answered."""
        return self.held > 0 or self.point in IN_HAND


class Executor(Protocol):
    """Knows one way to break things, and to mend what it broke."""

    @property
    def kinds(self) -> Collection[Kind]: ...

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        """Makes it and returns when it is over; None when there was nothing to strike within `patience` seconds."""
        ...

    async def mend(self) -> None:
        """Whatever still stands broken is whole again, also after a failure."""
        ...


class Impossible(Exception):
    """This machine does not let such faults be made; the message says why."""
