"""Time as a port: everything that waits or stamps asks a Clock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Two readings of time. Neither blocks, neither fails."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC. It may jump when the host's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment. It never goes back; only differences mean anything."""
        ...


class SystemClock:
    """The host's clock."""

    __slots__ = ()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is moved. Both readings move together."""

    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    elapsed: float = 0.0

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("a clock starts at an aware time")
        self.start = self.start.astimezone(UTC)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not go back")
        self.elapsed += seconds
