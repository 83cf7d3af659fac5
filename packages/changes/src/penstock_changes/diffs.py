"""Reads git's unified diffs.

The counts in a hunk's header say where the hunk ends, never the look of a line: a removed line may well read
`-- a/file`. Lines end at a line feed only; form feeds and carriage returns belong to the text.
"""

import re

from penstock_changes.errors import MalformedDiff
from penstock_changes.headers import FileHeader
from penstock_changes.model import FileChange, Hunk, Line, LineKind

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: (.*))?\r?")
_NO_NEWLINE = "\\"


def parse_diff(text: str) -> tuple[FileChange, ...]:
    """Every file of what `git diff` printed; raises MalformedDiff."""
    reader = _Reader(text)
    files: list[FileChange] = []
    while not reader.at_end():
        files.append(_file(reader))
    return tuple(files)


def parse_hunks(text: str) -> tuple[Hunk, ...]:
    """Hunks without a file's header, as platforms hand out a patch of one file; raises MalformedDiff."""
    reader = _Reader(text)
    hunks = _hunks(reader)
    if not reader.at_end():
        raise reader.malformed("a hunk was expected")
    return hunks


class _Reader:
    """The lines of a diff and how far they were read."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.position = 0

    def at_end(self) -> bool:
        return self.position >= len(self.lines)

    def peek(self) -> str:
        return self.lines[self.position] if self.position < len(self.lines) else ""

    def malformed(self, reason: str) -> MalformedDiff:
        return MalformedDiff(line=self.position + 1, reason=reason)


def _file(reader: _Reader) -> FileChange:
    first = reader.peek()
    if not first.startswith("diff --git "):
        wanted = "a combined diff has no single base" if first.startswith("diff --c") else "no `diff --git` line"
        raise reader.malformed(wanted)
    at = reader.position
    header = FileHeader.begin(first)
    reader.position += 1
    while not reader.at_end() and not reader.peek().startswith(("diff --", "@@ ")):
        if not header.take(reader.peek()):
            raise reader.malformed("not a line of a file's header")
        reader.position += 1
    hunks = _hunks(reader)
    change = header.change(hunks)
    if change is None:
        raise MalformedDiff(line=at + 1, reason="the file has no path that can be told")
    return change


def _hunks(reader: _Reader) -> tuple[Hunk, ...]:
    hunks: list[Hunk] = []
    while reader.peek().startswith("@@ "):
        hunks.append(_hunk(reader))
    return tuple(hunks)


def _hunk(reader: _Reader) -> Hunk:
    match = _HUNK.fullmatch(reader.peek())
    if match is None:
        raise reader.malformed("not a hunk's header")
    old_start, old_length, new_start, new_length = (int(part) if part else 1 for part in match.groups()[:4])
    reader.position += 1
    lines = _body(reader, old_start, old_start + old_length, new_start, new_start + new_length)
    return Hunk(old_start, old_length, new_start, new_length, match.group(5) or "", lines)


def _body(reader: _Reader, old: int, old_end: int, new: int, new_end: int) -> tuple[Line, ...]:
    lines: list[Line] = []
    while old < old_end or new < new_end:
        if reader.at_end():
            raise reader.malformed("the hunk is cut off")
        raw = reader.peek()
        # A mail program or an editor may have cut the one blank of an empty context line.
        mark, text = (raw[0], raw[1:]) if raw else (" ", "")
        if mark == " " and old < old_end and new < new_end:
            lines.append(Line(LineKind.CONTEXT, old, new, text))
            old, new = old + 1, new + 1
        elif mark == "+" and new < new_end:
            lines.append(Line(LineKind.ADDED, None, new, text))
            new += 1
        elif mark == "-" and old < old_end:
            lines.append(Line(LineKind.REMOVED, old, None, text))
            old += 1
        elif mark == _NO_NEWLINE and lines:
            lines[-1] = _unterminated(lines[-1])
        else:
            raise reader.malformed("the hunk does not have the lines that its header counts")
        reader.position += 1
    if lines and reader.peek().startswith(_NO_NEWLINE):
        lines[-1] = _unterminated(lines[-1])
        reader.position += 1
    return tuple(lines)


def _unterminated(line: Line) -> Line:
    return Line(line.kind, line.old_number, line.new_number, line.text, terminated=False)
