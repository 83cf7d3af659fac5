"""What `penstock jobs` does with its words: lists runs, shows one, or asks something of one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TextIO

from penstock.operating import jobs_text
from penstock.operating.console import Console
from penstock.operating.ending import DONE
from penstock.operating.errors import NotUnderstood
from penstock_runtime import parsers

ACTIONS = ("cancel", "pause", "resume", "retry", "replay")
LISTED = (
    "status", "type", "repository", "organisation", "stage", "waiting_for", "stream", "correlation_id", "since",
    "until", "limit", "after",
)  # fmt: skip
"""What chooses among runs that are listed."""
ASKED = ("reason", "stage", "part")
"""What is told with an action."""
_NO_MOMENT = "{!r} is no moment: write 2h, 7d, 2030-01-31 or 2030-01-31T12:00"


@dataclass(frozen=True, slots=True)
class Question:
    """`words`: nothing or `ls`, the id of a job, or an action and the id of a job."""

    words: Sequence[str] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, str] = field(default_factory=dict)
    as_json: bool = False


def refuse_unread(words: Sequence[str], given: Iterable[str]) -> None:
    """An option that these words do not read would be taken for one that was obeyed. Raises NotUnderstood."""
    typed, read = _read_by(words)
    unread = [name for name in given if name in (*LISTED, *ASKED) and name not in read]
    if unread:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in unread)
        raise NotUnderstood(f"`{typed}` does not read {options}: leave it out")


def _read_by(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    match words:
        case [] | ["ls"]:
            return "penstock jobs", LISTED
        case ["retry", *_]:
            return "penstock jobs retry", ASKED
        case [action, *_] if action in ACTIONS:
            return f"penstock jobs {action}", ASKED[:1]
        case _:
            return "penstock jobs <id>", ()


async def perform(question: Question, console: Console, now: datetime, out: TextIO) -> int:
    """The exit code. Raises NotUnderstood, and what the console's client raises."""
    match question.words:
        case [] | ["ls"]:
            await _listed(question, console, now, out)
        case [job_id] if job_id not in ACTIONS:
            await _shown(question, job_id, console, now, out)
        case [action, job_id] if action in ACTIONS:
            asked = await console.ask(job_id, action, question.wanted)
            out.write(f"{asked.model_dump_json(indent=2)}\n" if question.as_json else jobs_text.asked(asked))
        case [action] if action in ACTIONS:
            raise NotUnderstood(f"{action} what? `penstock jobs {action} <id>`; `penstock jobs` lists the ids")
        case words:
            raise NotUnderstood(
                f"{' '.join(words)!r} is not understood: give an id, or one of {', '.join(ACTIONS)} and an id"
            )
    return DONE


async def _listed(question: Question, console: Console, now: datetime, out: TextIO) -> None:
    page = await console.jobs(question.filters)
    out.write(f"{page.model_dump_json(indent=2)}\n" if question.as_json else jobs_text.page(page, now))


async def _shown(question: Question, job_id: str, console: Console, now: datetime, out: TextIO) -> None:
    job = await console.job(job_id)
    history = (await console.history(job_id)).history
    if question.as_json:
        told = {"job": job.model_dump(mode="json"), "history": [row.model_dump(mode="json") for row in history]}
        out.write(json.dumps(told, indent=2) + "\n")
    else:
        out.write(jobs_text.job(job, history, now))


def moment(text: str, now: datetime) -> datetime:
    """`2h` is two hours ago; else a date, or a date with a time, of this host's zone where it names none. Only a
    number, such as a year, is neither. Raises NotUnderstood."""
    try:
        if text.isdecimal():
            raise NotUnderstood(_NO_MOMENT.format(text))
        return now - timedelta(seconds=parsers.duration("0").read(text))
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise NotUnderstood(_NO_MOMENT.format(text)) from None
