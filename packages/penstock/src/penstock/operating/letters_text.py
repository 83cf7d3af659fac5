"""Dead letters and blocked streams as text for a terminal: PURE, from the API's answers to lines."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from penstock.operating.columns import aligned, plain
from penstock.operating.jobs_text import clock, span
from penstock_console.views import BlockedStreams, DeadLetter, DeadLetterPage, ShownLetter
from penstock_eventlog.letters import POISON

_HEADER = ("id", "reason", "event", "stage", "run", "age", "error")
_BLOCKED = ("blocked stream", "event", "stage", "run", "error")
_LONGEST = 60
_REDRIVE = "`penstock dlq redrive "


def page(letters: DeadLetterPage, blocked: BlockedStreams, now: datetime) -> str:
    parts: list[str] = []
    if letters.dead_letters:
        parts.append(aligned((_HEADER, *(_row(letter, now) for letter in letters.dead_letters))))
    if letters.next:
        parts.append(f"more: --after {letters.next}\n")
    if blocked.blocked_streams:
        rows = [(row.stream, row.event_type, row.stage, row.run_id, row.error) for row in blocked.blocked_streams]
        remedies = "".join(line(row.stream, row.remedy) for row in blocked.blocked_streams)
        parts.append(aligned((_BLOCKED, *rows)) + remedies)
    return "\n".join(parts) or "no dead letters\n"


def letter(shown: ShownLetter) -> str:
    blocks = [aligned(tuple(_facts(shown)))]
    if shown.redrives:
        tried = [(clock(one.asked_at), one.actor, one.error or "applied") for one in shown.redrives]
        blocks += ["\nredrives\n", aligned(tried, indent="  ")]
    if shown.headers:
        blocks += ["\nheaders\n", aligned(tuple(shown.headers.items()), indent="  ")]
    event = as_json(shown.event) if shown.event is not None else f"{shown.undecodable}\n"
    return "".join([*blocks, "\nevent\n", event])


def line(about: str, text: str) -> str:
    return f"{plain(about)}  {plain(text)}\n"


def as_json(told: Mapping[str, object]) -> str:
    return json.dumps(told, indent=2) + "\n"


def why_left(told: DeadLetter) -> str:
    """Why `redrive --all` does not take it; empty where it does. A redrive is the remedy of nothing that nobody can
    read, nor of what was answered as failed, and what ended a process is tried again by who means just that."""
    if told.reason == POISON or told.error.startswith(POISON):
        return f"left as it is, since --all takes nothing that may end a process again: {told.remedy}"
    return "" if _REDRIVE in told.remedy else f"left as it is: {told.remedy}"


def _row(told: DeadLetter, now: datetime) -> tuple[str, ...]:
    age = span(now - told.created_at) if told.created_at else ""
    error = told.error if len(told.error) <= _LONGEST else f"{told.error[:_LONGEST]}…"
    return (told.id, told.reason, told.event_type, told.stage, told.run_id, age, error)


def _facts(shown: ShownLetter) -> Iterator[tuple[str, str]]:
    yield "dead letter", shown.id
    yield "reason", shown.reason
    yield "error", shown.error
    if shown.resolved_at is None:
        yield "remedy", shown.remedy
    else:
        yield "settled", f"{shown.resolution}, {clock(shown.resolved_at)}"
    if shown.created_at is not None:
        yield "since", clock(shown.created_at)
    named = {"event": shown.event_type, "event id": shown.event_id, "stage": shown.stage, "run": shown.run_id}
    yield from ((name, value) for name, value in named.items() if value)
    yield "stream", shown.stream or "unknown"
    yield "heard by", shown.consumer
    yield "from", f"{shown.topic}, partition {shown.partition}, position {shown.position}"
