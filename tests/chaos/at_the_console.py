"""The judgement of what people asked for: each wish is decided once, who is paused or cancelled is left alone, and who
has no review was cancelled."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set

from penstock_commenter.identity import Markers, review_id
from penstock_contracts.enums import CLOSINGS, CommentsKind, RunOutcome
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsRequested, Fact, PrReceived
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.inner import (
    AnswerIgnored,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowSkipped,
    WorkflowSuperseded,
)
from tests.chaos.at_the_forge import ForgeView
from tests.chaos.in_the_store import Facts, Row, StoreView
from tests.chaos.stage import MARKER_SECRET
from tests.chaos.verdict import Verdict, none_of

_GOING_ON = (WorkflowResumed, WorkflowCancelled, WorkflowFailed, WorkflowSkipped, WorkflowSuperseded)
"""After these a run is not paused any more."""


def judge(view: StoreView, forge: ForgeView, taken: Mapping[str, Set[str]]) -> list[Verdict]:
    """`taken`: by the key of a wish, the events which the console said that it had put on its way."""
    ids = {event for events in taken.values() for event in events}
    commands = {(each.pull.stream, comment) for each in forge.shown for comment in each.pull.commands}
    decided, heard = Counter(_decided(view)), Counter(_commands(view))
    cancelled = [row for row in view.runs if row["outcome"] == RunOutcome.CANCELLED]
    wanted = [each for each in forge.shown if each.pull.cancelled]
    return [
        none_of(
            "N1 every wish that was taken is decided once",
            (f"{event} {decided[event]} times" for event in ids if decided[event] != 1),
            f"{len(ids)} wishes",
        ),
        none_of(
            "N1 every command is stored once",
            (f"{stream} {comment} {heard[stream, comment]} times" for stream, comment in commands - set(_once(heard))),
            f"{len(commands)} commands",
        ),
        none_of(
            "N1 a wish that is asked again is the same",
            (f"{key} was taken as {len(events)}" for key, events in taken.items() if len(events) > 1),
            f"{len(taken)} keys",
        ),
        none_of(
            "N2 who lacks a review was cancelled",
            (each.pull.name for each in wanted if each.lacks_review and each.pull.stream not in _streams(cancelled)),
            f"{len(wanted)} that somebody wanted cancelled, {len(cancelled)} cancelled runs",
        ),
        none_of("N3 nothing is asked while a run is paused", _while_paused(view), f"{_pauses(view)} pauses"),
        none_of("N3 a cancelled run only closes", _after_cancel(view), f"{len(cancelled)} cancelled runs"),
        none_of("N3 no review of who was cancelled before", _cancelled_before(view, forge), f"{len(cancelled)} runs"),
    ]


def _streams(runs: Iterable[Row]) -> set[str]:
    return {str(row["stream"]) for row in runs}


def _once(counted: Counter[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return (what for what, count in counted.items() if count == 1)


def _decided(view: StoreView) -> Iterator[str]:
    """The ids of what was stored, or stored as ignored."""
    for event in view.events():
        yield event.fact.ignored_id if isinstance(event.fact, AnswerIgnored) else event.envelope.id


def _commands(view: StoreView) -> Iterator[tuple[str, str]]:
    for event in view.events():
        if isinstance(event.fact, PrReceived) and event.fact.command:
            yield event.envelope.stream, event.fact.comment_id


def _pauses(view: StoreView) -> int:
    return sum(isinstance(event.fact, WorkflowPaused) for event in view.events())


def _while_paused(view: StoreView) -> Iterator[str]:
    for facts in view.facts.values():
        paused: set[str] = set()
        for event in facts:
            run = event.envelope.workflow_id
            if isinstance(event.fact, WorkflowPaused):
                paused.add(run)
            elif isinstance(event.fact, _GOING_ON):
                paused.discard(run)
            elif run in paused and event.envelope.type in STAGE_OF_REQUEST:
                yield f"{event.envelope.subject} {event.envelope.type}, fact {event.envelope.sequence}"


def _after_cancel(view: StoreView) -> Iterator[str]:
    for event in _after(view):
        closing = isinstance(event.fact, CommentsRequested) and event.fact.kind in CLOSINGS
        if event.envelope.type in STAGE_OF_REQUEST and not closing:
            yield f"{event.envelope.subject} {event.envelope.type}, fact {event.envelope.sequence}"


def _after(view: StoreView) -> Iterator[Event[Fact]]:
    """What was stored of runs that were cancelled before."""
    for facts in view.facts.values():
        cancelled: set[str] = set()
        for event in facts:
            if isinstance(event.fact, WorkflowCancelled):
                cancelled.add(event.fact.run_id)
            elif event.envelope.workflow_id in cancelled:
                yield event


def _cancelled_before(view: StoreView, forge: ForgeView) -> Iterator[str]:
    """What the commenter was told to say before may have been under way."""
    markers, submitted = Markers(MARKER_SECRET.encode()), forge.submitted()
    for facts in view.facts.values():
        told = _told_to_review(facts)
        for event in facts:
            if isinstance(event.fact, WorkflowCancelled):
                run, number = event.fact.run_id, event.envelope.sequence
                if submitted[markers.of(review_id(run))] and told.get(run, number) >= number:
                    yield f"{event.envelope.subject}: run {run}"


def _told_to_review(facts: Facts) -> Mapping[str, int]:
    """By run: the first fact that asks the commenter for its review."""
    asked = [
        event for event in facts if isinstance(event.fact, CommentsRequested) and event.fact.kind is CommentsKind.REVIEW
    ]
    return {event.envelope.workflow_id: event.envelope.sequence for event in reversed(asked)}
