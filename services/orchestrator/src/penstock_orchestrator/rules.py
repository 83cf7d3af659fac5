"""The numbers that decisions follow: windows, deadlines, schedules. Data, handed in at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Protocol

from penstock_contracts.enums import ErrorClassification, Stage


class Schedule(Protocol):
    """A retry policy: how often, and how long to wait after the n-th failure."""

    @property
    def attempts(self) -> int: ...

    def delay(self, attempt: int, rng: Random) -> float: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many runs may be under way at once; 0 is no limit."""

    organisation: int = 0
    repository: int = 0

    @property
    def any(self) -> bool:
        return bool(self.organisation or self.repository)


@dataclass(frozen=True, slots=True)
class Rules:
    schedules: Mapping[Stage, Schedule]
    window: int = 16
    part_deadline: timedelta = timedelta(minutes=60)
    run_deadline: timedelta = timedelta(hours=2)
    pause_limit: timedelta = timedelta(days=7)
    reread_after: timedelta = timedelta(seconds=5)
    debounce: timedelta = timedelta()
    in_turn: bool = False
    """Whether runs wait for their turn, which admission.py gives."""

    def attempts(self, stage: Stage, error_class: ErrorClassification) -> int:
        """How often a part may be asked in all when it fails like this."""
        if error_class in (ErrorClassification.PERMANENT, ErrorClassification.POISON):
            return 1
        if error_class is ErrorClassification.UNKNOWN:
            return 2
        return self.schedules[stage].attempts

    def delay(self, stage: Stage, attempt: int, seed: str, retry_after: float | None) -> timedelta:
        """At least what the other side asked for. The jitter follows from the seed, so that deciding stays pure."""
        seconds = self.schedules[stage].delay(attempt, Random(seed))
        return timedelta(seconds=max(seconds, retry_after or 0.0))
