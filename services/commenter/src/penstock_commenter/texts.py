"""The words that are said on a pull request. Pure: from what was decided to Markdown, without marks."""

from collections import Counter
from collections.abc import Iterable, Sequence

from penstock_changes.findings import Finding, Severity
from penstock_changes.model import Side
from penstock_commenter.decide import Aggregate, Placed
from penstock_commenter.markdown import code, escape, fenced, one_line
from penstock_contracts.enums import CommentsKind

TITLE = "### Penstock review"
_LIST_ROOM = 40_000
_MORE_FILES = 50

_CLOSED = {
    CommentsKind.SKIPPED: "Skipped",
    CommentsKind.FAILED: "The review failed",
    CommentsKind.CANCELLED: "The review was cancelled",
    CommentsKind.SUPERSEDED: "Superseded by a newer head",
}


def pending_line(run: str) -> str:
    """It names the run: else what an earlier one said of the same head would pass for a write that may still land."""
    return f"Review {run[:8]} is under way"


def pending_summary(head: str, run: str) -> str:
    return f"{TITLE}\n\nReviewing {code(head[:12])} … <sub>{run[:8]}</sub>"


def closing_line(kind: CommentsKind, reason: str) -> str:
    """One plain line, for a status or a comment."""
    return f"{_CLOSED[kind]}: {reason}" if reason else _CLOSED[kind]


def closing_summary(kind: CommentsKind, head: str, reason: str) -> str:
    told = f" {code(head[:12])}" if head else ""
    return f"{TITLE}{told}\n\n{one_line(closing_line(kind, reason))}"


def status_line(aggregate: Aggregate) -> str:
    """What the status on the commit says."""
    began = "Partly reviewed" if aggregate.partial else "Reviewed"
    return f"{began}: {_counted(aggregate)}"


def review_body(aggregate: Aggregate, head: str) -> str:
    """The words above a batch of inline comments; all else stands in the summary."""
    return f"Penstock on {code(head[:12])}: {_counted(aggregate)}."


def summary(aggregate: Aggregate, head: str, *, inline: Sequence[Finding], listed: Sequence[Finding]) -> str:
    """The summary comment (B16). `inline` and `listed` are where the findings really ended up."""
    blocks = [
        TITLE,
        f"**{status_line(aggregate)}.**{_inline_note(inline)}",
        *(escape(text) for text in aggregate.opinions),
        _quoted(aggregate.notes),
        _list("Findings without a comment of their own", (_listed_line(each) for each in listed)),
        _list("Not reviewed this time", (f"- {code(path)}" for path in aggregate.missed)),
        _list("Left out", (f"- {code(each.path)}: {one_line(each.reason)}" for each in aggregate.not_reviewed)),
        _footer(aggregate, head),
    ]
    return "\n\n".join(block for block in blocks if block)


def inline_body(placed: Placed, *, suggestions: bool) -> str:
    """One inline comment: severity and title, what and why, and the change where the whole place is known."""
    finding = placed.finding
    blocks = [f"{_badge(finding)} {one_line(finding.title)}", escape(finding.message)]
    if not placed.exact:
        blocks.append(f"This is about lines {finding.start_line} to {finding.end_line}.")
    if finding.suggestion is not None:
        applicable = suggestions and placed.exact and finding.side is Side.RIGHT
        blocks.append(fenced(finding.suggestion, "suggestion" if applicable else ""))
    blocks.append(f"<sub>{escape(finding.rule)} · {finding.category.value.replace('_', ' ')}</sub>")
    return "\n\n".join(block for block in blocks if block)


def _badge(finding: Finding) -> str:
    return f"**{finding.severity.value}**"


def _counted(aggregate: Aggregate) -> str:
    found = aggregate.findings
    files = f"{aggregate.files} file{'' if aggregate.files == 1 else 's'}"
    if not found:
        return f"nothing new in {files}" if aggregate.repeated else f"nothing found in {files}"
    counts = Counter(each.severity for each in found)
    detail = ", ".join(f"{counts[severity]} {severity.value}" for severity in Severity if counts[severity])
    return f"{len(found)} finding{'' if len(found) == 1 else 's'} in {files} ({detail})"


def _inline_note(inline: Sequence[Finding]) -> str:
    if not inline:
        return ""
    return f" {len(inline)} of them {'has a comment' if len(inline) == 1 else 'have comments'} on the lines."


def _quoted(notes: Iterable[str]) -> str:
    return "\n".join(f"> {one_line(note)}  " for note in notes)


def _listed_line(finding: Finding) -> str:
    lines = f"{finding.start_line}" + (f"-{finding.end_line}" if finding.end_line > finding.start_line else "")
    place = code(f"{finding.path}:{lines}")
    return f"- {_badge(finding)} {place} {one_line(finding.title)}: {one_line(finding.message, 600)}"


def _list(title: str, lines: Iterable[str]) -> str:
    """A list that stops before it makes the comment too long, and says how much it leaves out."""
    kept: list[str] = []
    left, room = 0, _LIST_ROOM // 2 if title == "Left out" else _LIST_ROOM
    for line in lines:
        room -= len(line) + 1
        if room < 0 or len(kept) >= _MORE_FILES * 2:
            left += 1
        else:
            kept.append(line)
    if not kept:
        return ""
    return "\n".join([f"**{title}**", "", *kept, *([f"- … and {left} more"] if left else [])])


def _footer(aggregate: Aggregate, head: str) -> str:
    repeated = len(aggregate.repeated)
    before = f" · {repeated} said before {'still stands' if repeated == 1 else 'still stand'}" if repeated else ""
    return f"<sub>{head[:12]}{before}</sub>"
