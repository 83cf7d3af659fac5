"""The judgement of the truth: runs, facts, states, the outbox, and the ledger of effects against the forge."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from penstock_commenter.identity import Markers, review_id
from penstock_contracts.codec import Codec
from penstock_contracts.enums import AnswerOutcome, CommentsKind, RunOutcome, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsPublished, CommentsRequested, ConfigResolved, Fact
from penstock_contracts.inner import WorkflowFinished, WorkflowOpened, WorkflowSuperseded
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.settings import load
from penstock_store.postgres.store import PostgresStore
from penstock_store.rows import Refolded
from tests.chaos.at_the_forge import ForgeView
from tests.chaos.stage import MARKER_SECRET
from tests.chaos.verdict import Verdict, none_of

Row = Mapping[str, Any]
Facts = Sequence[Event[Fact]]
_IN_FLIGHT = timedelta(seconds=5)
"""A call that was begun before a head was superseded may land until its time is up, and its answer be written."""
_TOLD = (RunOutcome.REVIEWED, RunOutcome.PARTIAL)
_SAID = (AnswerOutcome.OK, AnswerOutcome.PARTIAL)


@dataclass(frozen=True, slots=True)
class StoreView:
    runs: Sequence[Row]
    outbox: Sequence[Row]
    letters: Sequence[Row]
    stored: Mapping[str, int]
    """The last sequence number of each stream, as its row says."""
    facts: Mapping[str, Facts]
    unequal: Sequence[Refolded]

    def events(self) -> Iterator[Event[Fact]]:
        return (event for facts in self.facts.values() for event in facts)


def unfinished(url: str) -> Mapping[str, int]:
    """What is still to be done; empty when nothing is."""
    questions = {
        "open runs": "select count(*) from workflow.workflow_jobs where parent_id is null and finished_at is null",
        "unsent records": "select count(*) from workflow.outbox_messages where sent_at is null",
    }
    with psycopg.connect(url) as connection:
        counts = {name: connection.execute(question.encode()).fetchone() for name, question in questions.items()}
    return {name: row[0] for name, row in counts.items() if row and row[0]}


async def look(url: str) -> StoreView:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        runs = connection.execute("select * from workflow.workflow_jobs where parent_id is null").fetchall()
        outbox = connection.execute("select topic, stream, headers, sent_at, blocked_at from workflow.outbox_messages")
        rows = outbox.fetchall()
        letters = connection.execute("select reason, error, topic, event_type from workflow.dead_letters").fetchall()
        streams = connection.execute("select stream, sequence from workflow.streams").fetchall()
    store = await PostgresStore.open(url, codec=Codec())
    try:
        unequal = await store.streams.refold_all(OrchestratorFold(load(OrchestratorSettings, {}).rules()))
        facts = {row["stream"]: await store.streams.facts(row["stream"]) for row in streams}
    finally:
        await store.close()
    return StoreView(runs, rows, letters, {row["stream"]: row["sequence"] for row in streams}, facts, unequal)


def judge(view: StoreView, forge: ForgeView, *, restored: bool = False) -> list[Verdict]:
    """A restored store has forgotten runs whose reviews stand at the forge: it is held to their heads instead."""
    outcomes = Counter(f"{row['outcome'] or row['status']}" for row in view.runs)
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    stored = sum(view.stored.values())
    return [
        none_of(
            "N1 every run is over",
            (f"{row['subject']} {row['status']} waits for {row['waiting_for']}" for row in _open(view.runs)),
            f"{len(view.runs)} runs: {told}",
        ),
        none_of("N12 nothing is stalled or dead", (_letter(row) for row in view.letters), "0 dead letters"),
        *(_reviews_of_heads(view, forge) if restored else _reviews(view, forge)),
        none_of("N3 no review after its head was superseded", _late(view, forge), f"{outcomes['superseded']} runs"),
        none_of("N4 refold is the stored state", view.unequal, f"{len(view.stored)} streams"),
        none_of("N5 sequences are contiguous", _gaps(view), f"{stored} facts"),
        none_of("N5 every run opens and ends once", _not_once(view), f"{len(view.runs)} runs"),
        none_of(
            "N6 the outbox is published",
            (f"{row['topic']} of {row['stream']}" for row in view.outbox if row["sent_at"] is None),
            f"{len(view.outbox)} rows",
        ),
        none_of("N7 every join fires once, with every part", _joins(view), f"{_joined(view)} reviews asked for"),
    ]


def _open(runs: Sequence[Row]) -> Iterator[Row]:
    return (row for row in runs if row["finished_at"] is None)


def _letter(row: Row) -> str:
    return f"{row['event_type'] or row['topic']} {row['reason']}: {row['error']}"


def _reviews(view: StoreView, forge: ForgeView) -> list[Verdict]:
    markers, submitted = Markers(MARKER_SECRET.encode()), forge.submitted()
    mark = {row["id"]: markers.of(review_id(row["id"])) for row in view.runs}
    silent = set(_with_nothing_new(view))
    told = [row for row in view.runs if row["outcome"] in _TOLD and row["id"] not in silent]
    strangers = set(submitted) - set(mark.values())
    return [
        none_of(
            "N2 one review at the forge for each reviewed run",
            (f"{row['subject']} has {submitted[mark[row['id']]]}" for row in told if submitted[mark[row["id"]]] != 1),
            f"{len(told)} reviewed runs, {len(silent)} more had nothing new to say",
        ),
        none_of("N2 every review at the forge is of a run", strangers, f"{len(submitted)} reviews"),
    ]


def _with_nothing_new(view: StoreView) -> Iterator[str]:
    """Runs that somebody asked for on a head on which all had been said before: they submit nothing."""
    for event in view.events():
        fact = event.fact
        if not isinstance(fact, CommentsPublished) or fact.kind is not CommentsKind.REVIEW:
            continue
        if fact.silenced and not fact.review_id and fact.outcome in _SAID:
            yield event.envelope.workflow_id


def _reviews_of_heads(view: StoreView, forge: ForgeView) -> list[Verdict]:
    """A run that finds its head reviewed by a forgotten one says nothing, and counts as reviewed."""
    submitted = forge.submitted(by="head")
    told = [row for row in view.runs if row["outcome"] in _TOLD]
    wrong = (f"{row['subject']} has {submitted[row['head']]}" for row in told if submitted[row["head"]] != 1)
    return [
        none_of("N2 one review at the forge for the head of each reviewed run", wrong, f"{len(told)} reviewed runs")
    ]


def _late(view: StoreView, forge: ForgeView) -> Iterator[str]:
    markers = Markers(MARKER_SECRET.encode())
    landed = {each["marker"]: each["time"] for each in forge.ledger if each["kind"] == "review.submitted"}
    for event in view.events():
        if isinstance(event.fact, WorkflowSuperseded):
            said = landed.get(markers.of(review_id(event.fact.run_id)))
            until = event.envelope.time + _IN_FLIGHT
            if said is not None and said > until.isoformat():
                yield f"{event.envelope.subject} superseded {event.envelope.time}, said {said}"


def _gaps(view: StoreView) -> Iterator[str]:
    for stream, facts in view.facts.items():
        numbers = [event.envelope.sequence for event in facts]
        if numbers != list(range(1, view.stored[stream] + 1)):
            yield f"{stream}: {numbers} of {view.stored[stream]}"


def _not_once(view: StoreView) -> Iterator[str]:
    opened, finished = Counter[str](), Counter[str]()
    for event in view.events():
        if isinstance(event.fact, WorkflowOpened):
            opened[event.fact.run_id] += 1
        elif isinstance(event.fact, WorkflowFinished):
            finished[event.fact.run_id] += 1
    for row in view.runs:
        if (opened[row["id"]], finished[row["id"]]) != (1, 1):
            yield f"{row['subject']} opened {opened[row['id']]} times, finished {finished[row['id']]} times"


def _joined(view: StoreView) -> int:
    return sum(1 for _ in _first_requests(view))


def _joins(view: StoreView) -> Iterator[str]:
    manifests = {
        event.envelope.workflow_id: {str(batch.index) for batch in event.fact.manifest}
        for event in view.events()
        if isinstance(event.fact, ConfigResolved)
    }
    seen = Counter[str]()
    for event, fact in _first_requests(view):
        run = event.envelope.workflow_id
        seen[run] += 1
        parts = [part.part for part in fact.parts if part.stage is Stage.FILES_REVIEW]
        if sorted(parts) != sorted(manifests.get(run, set())) or seen[run] > 1:
            yield f"{event.envelope.subject}: parts {parts} of {sorted(manifests.get(run, set()))}, time {seen[run]}"


def _first_requests(view: StoreView) -> Iterator[tuple[Event[Fact], CommentsRequested]]:
    for event in view.events():
        fact = event.fact
        if isinstance(fact, CommentsRequested) and fact.kind is CommentsKind.REVIEW and event.envelope.attempt == 1:
            yield event, fact
