"""A report as text for a terminal: PURE, from a report to lines."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from penstock.reviewing.report import Report
from penstock_changes.documents import NotReviewed
from penstock_changes.findings import Finding, Severity
from penstock_changes.model import Side

_INDENT = "    "
_SHOWN_PATHS = 10
_REASONS = {"unchanged": "no line changed", "too_many": "beyond the most files of one review"}
_NARROWEST, _WIDEST = 40, 100
# What moves the cursor, changes colours or turns the direction of writing would make a text look other than it is.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Style:
    """How wide the terminal is, and what stands before a word and after it to colour it."""

    width: int = _WIDEST
    colours: Mapping[str, str] | None = None

    def paint(self, word: str, role: str) -> str:
        code = (self.colours or {}).get(role)
        return f"\x1b[{code}m{word}\x1b[0m" if code else word


COLOURS: Mapping[str, str] = {
    Severity.CRITICAL.value: "1;31",
    Severity.HIGH.value: "31",
    Severity.MEDIUM.value: "33",
    Severity.LOW.value: "36",
    "path": "1",
    "faint": "2",
    "suggestion": "32",
    "bad": "31",
    "good": "32",
}


def rendered(report: Report, style: Style) -> str:
    """Ends with a newline."""
    blocks = [
        *_findings(report.findings, style),
        *(_wrapped(opinion, style, "") for opinion in report.opinions),
        _not_reviewed(report.not_reviewed, style),
        "\n".join(_wrapped(f"note: {note}", style, "") for note in report.notes),
        _end(report, style),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def plain(text: str) -> str:
    """What a stranger wrote, harmless on a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _findings(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """Grouped by file; in a file from the worst, and of equals from the top."""
    ordered = sorted(findings, key=lambda each: (each.path, each.severity.rank, each.start_line, each.end_line))
    for path, of_file in groupby(ordered, key=lambda each: each.path):
        yield "\n\n".join([style.paint(plain(path), "path"), *(_finding(each, style) for each in of_file)])


def _finding(finding: Finding, style: Style) -> str:
    severity = style.paint(f"{finding.severity.value:<8}", finding.severity.value)
    lines = [
        f"  {severity} {plain(_place(finding))}",
        f"{_INDENT}{style.paint(plain(' '.join(finding.title.split())), 'path')}",
        _wrapped(finding.message, style, _INDENT),
    ]
    if finding.suggestion is not None:
        lines.append(_suggestion(finding.suggestion, style))
    rule = f"{finding.rule} · {finding.category.value.replace('_', ' ')}"
    lines.append(f"{_INDENT}{style.paint(plain(rule), 'faint')}")
    return "\n".join(lines)


def _place(finding: Finding) -> str:
    lines = f"{finding.start_line}" + (f"-{finding.end_line}" if finding.end_line > finding.start_line else "")
    removed = " (removed)" if finding.side is Side.LEFT else ""
    return f"{finding.path}:{lines}{removed}"


def _suggestion(text: str, style: Style) -> str:
    if not text.strip():
        return f"{_INDENT}suggestion: remove it"
    lines = [f"{_INDENT}suggestion:"]
    lines += [f"{_INDENT}{style.paint('| ' + plain(line), 'suggestion')}" for line in text.rstrip("\n").split("\n")]
    return "\n".join(lines)


def _wrapped(text: str, style: Style, indent: str, hanging: str | None = None) -> str:
    """Paragraphs stay paragraphs; `hanging` indents their further lines."""
    width = max(_NARROWEST, min(style.width, _WIDEST))
    paragraphs = (plain(paragraph) for paragraph in text.strip().split("\n"))
    return "\n".join(
        textwrap.fill(
            each,
            width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_on_hyphens=False,
            break_long_words=False,
        )
        for each in paragraphs
    )


def _not_reviewed(entries: Sequence[NotReviewed], style: Style) -> str:
    """By reason, so that a hundred pictures take one line."""
    if not entries:
        return ""
    by_reason: dict[str, list[str]] = {}
    for entry in entries:
        by_reason.setdefault(entry.reason, []).append(entry.path)
    lines = [f"not reviewed: {_files(len(entries))}"]
    for reason, paths in sorted(by_reason.items()):
        shown = ", ".join(paths[:_SHOWN_PATHS])
        more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
        said = _REASONS.get(reason, reason.replace("_", " "))
        lines.append(_wrapped(f"{said}: {shown}{more}", style, "  ", hanging=_INDENT))
    return "\n".join(lines)


def _end(report: Report, style: Style) -> str:
    lines = [style.paint(f"{report.summary}.", "bad" if report.findings else "good")]
    usage = report.usage
    if usage.calls:
        tokens = f"{usage.input_tokens} tokens in, {usage.output_tokens} out"
        calls = f"{usage.calls} call{'' if usage.calls == 1 else 's'}"
        lines.append(style.paint(f"{plain(usage.model)}: {calls}, {tokens}", "faint"))
    if report.failure:
        lines.append(style.paint(_wrapped(f"A part of the review is missing: {report.failure}.", style, ""), "bad"))
    return "\n".join(lines)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
