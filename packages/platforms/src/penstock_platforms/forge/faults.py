"""What is to go wrong with the next requests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class FaultKind(StrEnum):
    STATUS = "status"
    """Answered with `status`, not handled."""
    DELAY = "delay"
    """Handled after `seconds`."""
    RESET_BEFORE = "reset_before"
    """The connection is reset, nothing was handled."""
    RESET_AFTER = "reset_after"
    """Handled, then the connection is reset: the answer is lost."""
    HANG = "hang"
    """Never answered, not handled."""
    HANG_AFTER = "hang_after"
    """Handled and never answered."""
    RATE_LIMIT = "rate_limit"
    """Refused as GitHub refuses whoever writes too fast: 403 (or `status`) with Retry-After `seconds`."""
    EXHAUSTED = "exhausted"
    """Refused as GitHub refuses who used up the hour: 403, nothing remaining, a reset in `seconds`."""
    TRUNCATE = "truncate"
    """Handled, and half of the answer's body is sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    method: str = ""
    path: str = ""
    """A regular expression to be found in the path; empty is every path."""
    times: int = 1
    skip: int = 0
    """How many matching requests pass before the first one is hit."""
    status: int = 0
    seconds: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("", method) and re.search(self.path, path) is not None


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._fired: Counter[FaultKind] = Counter()

    def add(self, *faults: Fault) -> None:
        self._waiting.extend(faults)

    def clear(self) -> None:
        self._waiting.clear()

    @property
    def waiting(self) -> Sequence[Fault]:
        return tuple(self._waiting)

    @property
    def fired(self) -> Counter[FaultKind]:
        return Counter(self._fired)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request; it counts for the first one that matches only."""
        for index, fault in enumerate(self._waiting):
            if not fault.matches(method, path):
                continue
            if fault.skip > 0:
                self._waiting[index] = replace(fault, skip=fault.skip - 1)
                return None
            self._spend(index, fault)
            return fault
        return None

    def _spend(self, index: int, fault: Fault) -> None:
        self._fired[fault.kind] += 1
        if fault.times > 1:
            self._waiting[index] = replace(fault, times=fault.times - 1)
        else:
            del self._waiting[index]
