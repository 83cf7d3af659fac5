"""A judgement: one line of the report."""

from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """`invariant` begins with its number in the design, N1 to N12, where it belongs to one."""

    invariant: str
    held: bool
    found: str
    looked: bool = True
    """Whether there was anything to look at: what cannot be judged yet is neither held nor broken."""

    @property
    def word(self) -> str:
        if not self.looked:
            return "--"
        return "OK" if self.held else "FAILED"

    @property
    def number(self) -> str:
        """N1 to N12, or nothing."""
        first = self.invariant.partition(" ")[0]
        return first if first[:1] == "N" and first[1:].isdigit() else ""


def none_of(invariant: str, offenders: Iterable[object], among: str) -> Verdict:
    """Holds when there is no offender; else the first few are named. `among` says what was looked at."""
    found = [str(each) for each in offenders]
    if not found:
        return Verdict(invariant, True, among)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Verdict(invariant, False, f"{len(found)} of {among}: {'; '.join(found[:_SHOWN])}{more}")
