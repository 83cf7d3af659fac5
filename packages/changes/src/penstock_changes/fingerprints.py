"""What makes two findings the same one, whatever line they stand on today."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from penstock_changes.findings import Finding


def fingerprint(path: str, rule: str, lines: Iterable[str], occurrence: int = 0) -> str:
    """32 hexadecimal digits; white space and blank lines do not count.

    `occurrence` tells apart findings of one rule on equal lines of one file, counted from the top.
    """
    parts = [path, rule, str(occurrence), *_normalised(lines)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", errors="replace")).hexdigest()[:32]


def with_fingerprints(findings: Iterable[Finding], lines_of: Callable[[Finding], Sequence[str]]) -> tuple[Finding, ...]:
    """The findings in their order, each with its fingerprint; `lines_of` gives the lines that a finding is about."""
    listed = list(findings)
    seen: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    marked: dict[int, Finding] = {}
    for index in sorted(range(len(listed)), key=lambda index: (listed[index].start_line, listed[index].end_line)):
        finding = listed[index]
        lines = _normalised(lines_of(finding))
        same = (finding.path, finding.rule, lines)
        marked[index] = replace(finding, fingerprint=fingerprint(finding.path, finding.rule, lines, seen[same]))
        seen[same] += 1
    return tuple(marked[index] for index in range(len(listed)))


def _normalised(lines: Iterable[str]) -> tuple[str, ...]:
    squeezed = ("".join(line.split()) for line in lines)
    return tuple(line for line in squeezed if line)
