"""Where on a diff a comment may stand.

GitHub's rule, the strictest: both ends lie inside one hunk, on the side they are meant for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from penstock_changes.model import FileChange, Hunk, Line, LineKind, Side


class Refusal(StrEnum):
    UNKNOWN_FILE = "unknown_file"
    NO_LINES = "no_lines"
    BACKWARDS = "backwards"
    OUTSIDE_HUNKS = "outside_hunks"
    TWO_HUNKS = "two_hunks"


@dataclass(frozen=True, slots=True)
class Anchored:
    """The place stands. `first` and `last` carry both line numbers, which some platforms want for unchanged lines."""

    path: str
    old_path: str
    side: Side
    first: Line
    last: Line

    @property
    def start_line(self) -> int:
        return self.first.number(self.side) or 0

    @property
    def end_line(self) -> int:
        return self.last.number(self.side) or 0


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Refusal


class Anchors:
    """Answers for one diff whether a comment may stand somewhere, and where else it could."""

    def __init__(self, files: Iterable[FileChange]) -> None:
        self._files: dict[str, list[FileChange]] = {}
        for change in files:
            self._files.setdefault(change.path, []).append(change)

    def check(self, path: str, side: Side, start: int, end: int) -> Anchored | Refused:
        """Exactly this range, or why not."""
        if start > end:
            return Refused(Refusal.BACKWARDS)
        ends = [self._find(path, side, number) for number in (start, end)]
        (first, last) = ends
        if first is None or last is None:
            return Refused(self._why(path, side))
        if first[1] is not last[1]:
            return Refused(Refusal.TWO_HUNKS)
        return _anchored(first[0], side, first[2], last[2])

    def fit(self, path: str, side: Side, start: int, end: int) -> Anchored | Refused:
        """The range, or the longest part of it that lies inside one hunk."""
        if start > end:
            return Refused(Refusal.BACKWARDS)
        best: Anchored | None = None
        for change, hunk in self._hunks(path):
            inside = [line for line in hunk.lines if start <= (line.number(side) or 0) <= end]
            if inside and (best is None or len(inside) > best.end_line - best.start_line + 1):
                best = _anchored(change, side, inside[0], inside[-1])
        return best or Refused(self._why(path, side))

    def nearest(self, path: str, line: int, side: Side = Side.RIGHT) -> Anchored | Refused:
        """The one line nearest to the wanted one; of two equally near a changed one, then the earlier."""
        candidates = [
            (abs(number - line), candidate.kind is LineKind.CONTEXT, number, change, candidate)
            for change, hunk in self._hunks(path)
            for candidate in hunk.lines
            if (number := candidate.number(side)) is not None
        ]
        if not candidates:
            return Refused(self._why(path, side))
        *_, change, found = min(candidates, key=lambda candidate: candidate[:3])
        return _anchored(change, side, found, found)

    def _hunks(self, path: str) -> Iterator[tuple[FileChange, Hunk]]:
        for change in self._files.get(path, ()):
            for hunk in change.hunks:
                yield change, hunk

    def _find(self, path: str, side: Side, number: int) -> tuple[FileChange, Hunk, Line] | None:
        for change, hunk in self._hunks(path):
            line = hunk.line(side, number)
            if line is not None:
                return change, hunk, line
        return None

    def _why(self, path: str, side: Side) -> Refusal:
        if path not in self._files:
            return Refusal.UNKNOWN_FILE
        has_lines = any(line.number(side) for _, hunk in self._hunks(path) for line in hunk.lines)
        return Refusal.OUTSIDE_HUNKS if has_lines else Refusal.NO_LINES


def _anchored(change: FileChange, side: Side, first: Line, last: Line) -> Anchored:
    return Anchored(path=change.path, old_path=change.old_path, side=side, first=first, last=last)
