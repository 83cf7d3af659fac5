"""`penstock: ignore[rule] reason` in a comment of the code silences a line.

On a line with code it silences that line; on a line of its own the next line that has code. Without a rule in brackets
it silences everything; several rules are separated by commas, and `security/*` means every rule of that family.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from penstock_changes.findings import Finding
from penstock_changes.model import Side

_COMMENT = r"(?:\#|//|/\*|<!--|\{\#|--|;|%|(?<!\S)\*|(?<!\S)')"
_BEGIN = re.compile(_COMMENT)
_MARK = re.compile(r"\bpenstock:\s*ignore(?![\w-])(?:\[([^\]\n]*)\])?[ \t:]*(.*)", re.IGNORECASE)
_LONE_COMMENT = re.compile(rf"\s*{_COMMENT}")
_CLOSING = re.compile(r"\*/|-->|#\}")


@dataclass(frozen=True, slots=True)
class Suppression:
    """`line` is the silenced line, `written_on` the line of the comment; no rules means all of them."""

    line: int
    written_on: int
    rules: tuple[str, ...]
    reason: str

    def covers(self, rule: str) -> bool:
        return not self.rules or any(fnmatchcase(rule, pattern) for pattern in self.rules)


@dataclass(frozen=True, slots=True)
class Silenced:
    finding: Finding
    by: Suppression


def suppressions(lines: Sequence[str]) -> tuple[Suppression, ...]:
    """Every suppression that the lines of a file declare, in order."""
    found: list[Suppression] = []
    for number, line in enumerate(lines, start=1):
        if "penstock" not in line.lower():
            continue
        # One search after the other: a line is as long as its author likes, and both in one would take its square.
        begin = _BEGIN.search(line)
        match = _MARK.search(line, begin.end()) if begin is not None else None
        if match is None:
            continue
        reason, *code = map(str.strip, _CLOSING.split(match.group(2), maxsplit=1))
        alone = _LONE_COMMENT.match(line) is not None and not any(code)
        rules = tuple(rule for part in (match.group(1) or "").split(",") if (rule := part.strip()))
        found.append(Suppression(_next_code(lines, number) if alone else number, number, rules, reason))
    return tuple(found)


def apply_suppressions(
    findings: Iterable[Finding], lines_of: Callable[[str], Sequence[str]]
) -> tuple[tuple[Finding, ...], tuple[Silenced, ...]]:
    """The findings that stay, and those silenced. A finding is silenced on its first or its last line.

    `lines_of` gives the lines of a file after the change; what stands on the removed side cannot be silenced.
    """
    declared: dict[str, tuple[Suppression, ...]] = {}
    kept: list[Finding] = []
    silenced: list[Silenced] = []
    for finding in findings:
        if finding.path not in declared:
            declared[finding.path] = suppressions(lines_of(finding.path))
        by = _silencing(finding, declared[finding.path])
        if by is None:
            kept.append(finding)
        else:
            silenced.append(Silenced(finding, by))
    return tuple(kept), tuple(silenced)


def _silencing(finding: Finding, declared: tuple[Suppression, ...]) -> Suppression | None:
    if finding.side is Side.LEFT:
        return None
    ends = (finding.start_line, finding.end_line)
    return next((each for each in declared if each.line in ends and each.covers(finding.rule)), None)


def _next_code(lines: Sequence[str], number: int) -> int:
    """The next line that is neither blank nor a comment; the comment's own line at the end of a file."""
    for following in range(number, len(lines)):
        line = lines[following]
        if line.strip() and not _LONE_COMMENT.match(line):
            return following + 1
    return number
