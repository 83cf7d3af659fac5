"""What the demonstration prints: the review as it stands on the forge, where to look, and how the job went."""

import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock_console.views import Execution, Job
from penstock_platforms.forge.model import Comment, Review, ReviewComment, Status

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Told:
    link: str
    api: str
    data: Path
    title: str
    statuses: tuple[Status, ...]
    comments: tuple[Comment, ...]
    reviews: tuple[Review, ...]
    inline: tuple[ReviewComment, ...]
    job: Job | None
    history: tuple[Execution, ...]


def tell(told: Told) -> None:
    for line in _lines(told):
        print(line, flush=True)


def _lines(told: Told) -> Iterator[str]:
    yield from ("", f"  Pull request  {told.title}", f"  Look at it    {told.link}", "")
    for comment in told.comments:
        yield from _block("Summary", comment.body)
    for review in told.reviews:
        if _words(review.body):
            yield from _block(f"Review ({review.state.lower()})", review.body)
    for remark in told.inline:
        yield from _block(f"{remark.path}:{remark.line}", remark.body)
    for status in told.statuses[-1:]:
        yield f"  Status        {status.context}: {status.state}, {status.description}"
    if told.job is None:
        yield "  The pull request was not taken: is another penstock on these ports?"
        return
    yield f"  Job           {told.job.id}  {told.job.status}  {told.job.outcome} {told.job.reason}".rstrip()
    yield ""
    yield "  history"
    for row in told.history:
        outcome = f"{row.state:<9} {row.outcome:<8} {_times(row):>9}  {row.reason}"
        yield f"    {_name(row):<26} attempt {row.attempt}  {outcome}".rstrip()
    yield from ("", f"  The API answers at {told.api}/jobs")
    yield f"  Its database  PENSTOCK_DATA_DIR={shlex.quote(str(told.data))} penstock db refold"
    yield from ("  Serving; Ctrl-C ends everything and removes it.", "")


def _name(row: Execution) -> str:
    return f"{row.stage} {row.part}".strip()


def _times(row: Execution) -> str:
    if row.asked_at is None or row.answered_at is None:
        return ""
    return f"{(row.answered_at - row.asked_at).total_seconds() * 1000:.0f} ms"


def _block(title: str, body: str) -> Iterator[str]:
    yield f"  --- {title} " + "-" * max(4, _WIDTH - len(title) - 8)
    for line in _words(body).splitlines():
        yield from textwrap.wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="  ") or [""]
    yield ""


def _words(body: str) -> str:
    """Without the hidden marker."""
    return "\n".join(line for line in body.splitlines() if not line.startswith("<!-- penstock:")).strip()
