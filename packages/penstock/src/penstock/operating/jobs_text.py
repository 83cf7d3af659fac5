"""Jobs as text for a terminal: PURE, from the API's answers to lines."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from penstock.operating.columns import aligned
from penstock_console.views import AskedFor, Execution, Job, JobPage, JobWithStages, Stall

_HEADER = ("id", "status", "result", "pull request", "opened", "waits for")
_HISTORY = ("stage", "part", "attempt", "state", "outcome", "took", "why")


def page(shown: JobPage, now: datetime) -> str:
    if not shown.jobs:
        return "no jobs\n"
    rows = [
        (job.id, job.status.value, _result(job), job.subject, f"{span(now - job.created_at)} ago", _waits(job))
        for job in shown.jobs
    ]
    more = f"\nmore: --after {shown.next}\n" if shown.next else ""
    return aligned((_HEADER, *rows)) + more


def job(shown: JobWithStages, history: Sequence[Execution], now: datetime) -> str:
    blocks = [f"{shown.type} {shown.id}  {shown.subject}\n", aligned(tuple(_facts(shown, now)), indent="  ")]
    if shown.stages:
        stages = [(stage.stage, stage.status.value, _result(stage), stage.id) for stage in shown.stages]
        blocks += ["\n", aligned((("heavy stage", "status", "result", "id"), *stages), indent="  ")]
    for stall in shown.stalls:
        blocks += ["\n", aligned(tuple(_stalled(stall, now)), indent="  ")]
    if history:
        blocks += ["\n", aligned((_HISTORY, *map(_attempt, history)), indent="  ")]
    return "".join(blocks)


def asked(answer: AskedFor) -> str:
    """A replay is a run of its own, whose id nobody knows before the orchestrator has decided."""
    again = "" if answer.new else " (it was asked before)"
    look = "penstock jobs" if answer.action == "replay" else f"penstock jobs {answer.run_id}"
    return f"asked to {answer.action} {answer.run_id} as {answer.actor}{again}; see what becomes of it: {look}\n"


def span(time: timedelta) -> str:
    """In its largest unit, for people."""
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _facts(shown: Job, now: datetime) -> Iterator[tuple[str, str]]:
    yield "status", ", ".join(word for word in (shown.status.value, _result(shown)) if word)
    if shown.waiting_for:
        since = f", for {span(now - shown.waiting_since)}" if shown.waiting_since else ""
        until = f", until {clock(shown.waiting_until)}" if shown.waiting_until else ""
        yield "waits for", f"{shown.waiting_for}{since}{until}"
    yield "head", shown.head or "not read yet"
    yield "opened", f"{clock(shown.created_at)}, {span(now - shown.created_at)} ago"
    if shown.finished_at:
        yield "finished", f"{clock(shown.finished_at)}, after {span(shown.finished_at - shown.created_at)}"
    if shown.parent_id:
        yield "stage of", shown.parent_id
    yield "stream", shown.stream
    yield "correlation", shown.correlation_id


def _stalled(stall: Stall, now: datetime) -> Iterator[tuple[str, str]]:
    """Event, stage and what to do, in words that can be pasted."""
    since = f", {span(now - stall.since)} ago" if stall.since else ""
    yield "stalled", f"{stall.event_type or 'a record'} {stall.event_id}{since}"
    yield "at stage", stall.stage or "none"
    yield "because", stall.error
    yield "remedy", stall.remedy


def _attempt(row: Execution) -> tuple[str, ...]:
    took = span(row.answered_at - row.asked_at) if row.answered_at and row.asked_at else ""
    why = " ".join(word for word in (row.error_class, row.reason or row.error) if word)
    return (row.stage.value, row.part, str(row.attempt), row.state.value, row.outcome, took, why)


def _result(shown: Job) -> str:
    error = str(shown.error_class or "")
    return ": ".join(word for word in (shown.outcome, shown.reason or error) if word)


def _waits(shown: Job) -> str:
    return shown.waiting_for


def clock(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
