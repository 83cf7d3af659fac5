"""What a campaign of simulated runs has seen."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


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
