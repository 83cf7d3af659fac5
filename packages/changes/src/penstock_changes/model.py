"""What a diff says: files, hunks, lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """LEFT is the file before the change, RIGHT the file after it."""

    LEFT = "LEFT"
    RIGHT = "RIGHT"


class ChangeStatus(StrEnum):
    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"
    COPIED = "copied"
    MODE = "mode"


class ContentKind(StrEnum):
    TEXT = "text"
    BINARY = "binary"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


class LineKind(StrEnum):
    CONTEXT = "context"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a hunk; its text keeps a carriage return and has no line feed.

    `terminated` is false only for a last line without a newline.
    """

    kind: LineKind
    old_number: int | None
    new_number: int | None
    text: str
    terminated: bool = True

    def number(self, side: Side) -> int | None:
        return self.old_number if side is Side.LEFT else self.new_number


@dataclass(frozen=True, slots=True)
class Hunk:
    old_start: int
    old_length: int
    new_start: int
    new_length: int
    section: str
    lines: tuple[Line, ...]

    def covers(self, side: Side, number: int) -> bool:
        start, length = (self.old_start, self.old_length) if side is Side.LEFT else (self.new_start, self.new_length)
        return start <= number < start + length

    def line(self, side: Side, number: int) -> Line | None:
        """The line that has this number on this side."""
        if not self.covers(side, number):
            return None
        return next((line for line in self.lines if line.number(side) == number), None)


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a diff.

    `path` is the path after the change, and for a deleted file the one it had; `old_path` differs from it only when the
    file was renamed or copied. A file that became a symbolic link (or the reverse) is two changes of one path.
    """

    path: str
    old_path: str
    status: ChangeStatus
    content: ContentKind
    hunks: tuple[Hunk, ...] = ()
    old_mode: str | None = None
    new_mode: str | None = None

    def lines(self) -> Iterator[Line]:
        for hunk in self.hunks:
            yield from hunk.lines

    def added_numbers(self) -> frozenset[int]:
        """The numbers, in the file after the change, of the lines that were added."""
        return frozenset(
            line.new_number for line in self.lines() if line.kind is LineKind.ADDED and line.new_number is not None
        )

    @property
    def added_lines(self) -> int:
        return sum(line.kind is LineKind.ADDED for line in self.lines())

    @property
    def removed_lines(self) -> int:
        return sum(line.kind is LineKind.REMOVED for line in self.lines())

    @property
    def changed_lines(self) -> int:
        return sum(line.kind is not LineKind.CONTEXT for line in self.lines())
