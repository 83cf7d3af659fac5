"""Ours and its peer in turns on one machine, so that what else runs there weighs on both; medians and spreads."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Figure, Side

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rates of both, round by round."""

    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(own / other for own, other in zip(self.ours, self.peer, strict=True))

    def figure(self, name: str, bound: float, digits: int = 0) -> Figure:
        """For the table of all figures."""
        form = f",.{digits}f"
        rates = f"{_spread(self.ours, form)}/s, peer {_spread(self.peer, form)}/s"
        return Figure(name, self.ratios, Side.AT_LEAST, bound, beside=rates)


def alternate(ours: Callable[[], float], peer: Callable[[], float], rounds: int = ROUNDS) -> Comparison:
    """Each returns its rate. A first turn of both warms up and does not count."""
    ours(), peer()
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return Comparison(tuple(own for own, _ in pairs), tuple(other for _, other in pairs))


def rate_of(work: Callable[[], object], times: int) -> float:
    """How often a second it can be done."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return times / (time.perf_counter() - began)


def _spread(numbers: tuple[float, ...], form: str) -> str:
    return f"{statistics.median(numbers):{form}} ({min(numbers):{form}} to {max(numbers):{form}})"
