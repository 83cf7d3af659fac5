"""What a file in here hands back: figures with their bounds, printed as lines and written as one table."""

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module

from penstock.local.errors import KafkaUnavailable

PARTS = 5


class Side(Enum):
    """Where a figure must lie, seen from its bound."""

    AT_LEAST = "≥"
    BELOW = "<"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its bound, measured several times; its median decides. Without values it was left out.

    A percentile is taken once, of the whole run, and that decides; `parts` are those of parts of it, for the spread.
    """

    name: str
    values: tuple[float, ...]
    side: Side
    bound: float
    unit: str = ""
    beside: str = ""
    """What was measured with it, for those who want to know more."""
    parts: tuple[float, ...] = ()

    @property
    def measured(self) -> bool:
        return bool(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        if not self.measured:
            return False
        return self.median >= self.bound if self.side is Side.AT_LEAST else self.median < self.bound

    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, median, spread, bound, verdict."""
        if not self.measured:
            return (self.name, "", "", "", "NOT MEASURED")
        several = self.parts or self.values
        spread = f"{_number(min(several))} to {_number(max(several))}" if len(several) > 1 else ""
        verdict = "holds" if self.holds else "MISSED"
        return (
            self.name,
            f"{_number(self.median)}{self.unit}",
            spread,
            f"{self.side.value} {_number(self.bound)}{self.unit}",
            verdict,
        )

    def line(self) -> str:
        name, median, spread, bound, verdict = self.cells()
        values = f"{median}" + (f" ({spread})" if spread else "") + f", bound {bound}: " if self.measured else ""
        shown = f"{name}: {values}{verdict}"
        return f"{shown}; {self.beside}" if self.beside else shown


def left_out(name: str, why: Exception) -> Figure:
    """In the place of figures that could not be taken: it does not hold, so that nobody takes silence for success."""
    return Figure(name, (), Side.AT_LEAST, 0.0, beside=str(why))


Measure = Callable[[bool], Sequence[Figure]]
"""`main(short)` of a file in here. Short is for a look in between: fewer and shorter rounds, same bounds."""


def measured_by(name: str, short: bool) -> tuple[Figure, ...]:
    """The figures of one file of this folder; one that was left out where it needs a Kafka and there is none."""
    try:
        return tuple(import_module(f"bench.{name}").main(short))
    except KafkaUnavailable as unavailable:
        return (left_out(name, unavailable),)


def alone(measure: Measure) -> int:
    """The command line of one file: prints its figures; the exit status says whether all bounds hold."""
    return printed(measure(is_short(measure.__module__)))


def printed(figures: Sequence[Figure]) -> int:
    """The exit status: whether all bounds hold."""
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.holds for figure in figures) else 1


def is_short(program: str, arguments: Sequence[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(prog=program, description=sys.modules[program].__doc__)
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds")
    return bool(parser.parse_args(arguments).short)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def percentile_of_parts(values: Sequence[float], share: float) -> tuple[float, ...]:
    """Of each fifth, in the order they were taken: a stall is in one of them, a slow machine in all."""
    size = math.ceil(len(values) / PARTS)
    return tuple(percentile(values[first : first + size], share) for first in range(0, len(values), size))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
