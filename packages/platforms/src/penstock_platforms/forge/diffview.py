"""One changed file as a table, with the comments below the lines they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from penstock_platforms.forge.diffs import Change
from penstock_platforms.forge.markup import prose
from penstock_platforms.forge.model import ReviewComment

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def file(change: Change, comments: Iterable[ReviewComment]) -> str:
    mine = [comment for comment in comments if comment.path == change.path]
    moved = f"{change.previous_path} → " if change.previous_path else ""
    rows = "".join(_rows(change.patch, mine)) if change.patch else '<tr><td class="quiet">No text to show.</td></tr>'
    return (
        f'<section class="file"><header><code>{escape(moved + change.path)}</code>'
        f'<span class="plus">+{change.additions}</span> <span class="minus">−{change.deletions}</span></header>'
        f"<table>{rows}</table></section>"
    )


def _rows(patch: str, comments: Sequence[ReviewComment]) -> Iterator[str]:
    left = right = 0
    for line in patch.split("\n"):
        header = _HUNK.match(line)
        if header is not None:
            left, right = int(header[1]), int(header[2])
            yield f'<tr class="hunk"><td></td><td></td><td>{escape(line)}</td></tr>'
            continue
        sign, places = line[:1], []
        if sign in ("-", " "):
            places.append(("LEFT", left))
        if sign in ("+", " "):
            places.append(("RIGHT", right))
        yield _row(line, dict(places))
        left += sign in ("-", " ")
        right += sign in ("+", " ")
        for comment in comments:
            if (comment.side, comment.line) in places:
                yield _comment(comment)


def _row(line: str, places: dict[str, int]) -> str:
    kind = {"+": "added", "-": "removed", "\\": "hunk"}.get(line[:1], "")
    left, right = places.get("LEFT", ""), places.get("RIGHT", "")
    return f'<tr class="{kind}"><td>{left}</td><td>{right}</td><td>{escape(line)}</td></tr>'


def _comment(comment: ReviewComment) -> str:
    lines = f"{comment.start_line}–{comment.line}" if comment.start_line else str(comment.line)
    resolved = " · resolved" if comment.resolved else ""
    return (
        f'<tr class="inline"><td colspan="3"><article class="card"><header><strong>{escape(comment.author)}</strong> '
        f"on line {lines}{resolved}</header>"
        f'<div class="prose">{prose(comment.body)}</div></article></td></tr>'
    )
