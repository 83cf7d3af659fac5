"""What a campaign of simulated runs has seen."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any


@dataclass(slots=True)
class Coverage:
    reached: Counter[str] = field(default_factory=Counter)
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(crash or freeze, point)"""
    actions: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    forge: Counter[str] = field(default_factory=Counter)
    """What the platform was asked to write, and how it went."""

    digest: int = 0
    """The same for the same runs, in whatever order and in however many processes they were made."""

    def add(self, other: "Coverage") -> None:
        for mine, theirs in zip(self._counters(), other._counters(), strict=True):
            mine.update(theirs)
        self.digest ^= other.digest

    def sign(self, name: object) -> None:
        """Puts what was counted so far into the digest."""
        seen = repr((name, *(sorted(counter.items()) for counter in self._counters())))
        self.digest ^= int.from_bytes(sha256(seen.encode()).digest()[:8])

    def _counters(self) -> tuple[Counter[Any], ...]:
        return (self.reached, self.struck, self.actions, self.transitions, self.outcomes, self.forge)

    def text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{'step':<28}{'reached':>10}{'crashed':>9}{'frozen':>8}"
        for point in sorted(self.reached):
            crashed, frozen = self.struck["crash", point], self.struck["freeze", point]
            yield f"{point:<28}{self.reached[point]:>10}{crashed:>9}{frozen:>8}"
        for title, counter in (
            ("actions", self.actions),
            ("outcomes of runs", self.outcomes),
            ("writes at the platform", self.forge),
            ("transitions", self.transitions),
        ):
            yield ""
            yield title
            yield from (f"  {name:<44}{count:>10}" for name, count in sorted(counter.items()))
