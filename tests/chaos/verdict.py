"""A judgement: one line of the report."""

from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    invariant: str
    held: bool
    found: str


def none_of(invariant: str, offenders: Iterable[object], among: str) -> Verdict:
    """Holds when there is no offender; else the first few are named. `among` says what was looked at."""
    found = [str(each) for each in offenders]
    if not found:
        return Verdict(invariant, True, among)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Verdict(invariant, False, f"{len(found)} of {among}: {'; '.join(found[:_SHOWN])}{more}")
