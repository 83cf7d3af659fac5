"""The judges of the campaign must see what they are there to see: each is shown a world with one thing wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_commenter.identity import Markers, review_id
from penstock_contracts.enums import CommentsKind, PullRequestKind, RunOutcome, Stage
from penstock_contracts.envelope import Envelope, to_headers
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Batch,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    Fact,
    PullRequestRef,
    ReviewPart,
    WorkflowFinished,
    WorkflowOpened,
    WorkflowSuperseded,
)
from penstock_store.postgres.headers import pack_headers
from penstock_store.rows import Refolded
from tests.chaos import at_the_forge, at_the_model, in_the_store, on_the_log
from tests.chaos.at_the_forge import ForgeView, Shown, Span
from tests.chaos.at_the_model import REVIEW_TOKENS, Spending
from tests.chaos.in_the_store import StoreView
from tests.chaos.load import PullRequest
from tests.chaos.on_the_log import LogView
from tests.chaos.stage import MARKER_SECRET
from tests.chaos.verdict import Verdict

HEAD, OLD, STREAM, RUN = "a" * 40, "b" * 40, "github:forge:1:1", "run-1"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
REF = PullRequestRef("github", "forge", "1", "acme/shop", 1)
MARK = Markers(MARKER_SECRET.encode()).of(review_id(RUN))
INLINE = "<!-- penstock:" + "1" * 32 + " -->"
SUMMARY = "<!-- penstock:" + "2" * 32 + " -->"


def failed(verdicts: list[Verdict]) -> list[str]:
    return [verdict.invariant for verdict in verdicts if not verdict.held]


# --- at the forge -----------------------------------------------------------------------------------------------


def entry(kind: str, marker: str, time: datetime = NOW) -> dict[str, Any]:
    return {"kind": kind, "marker": marker, "head": "", "status": 201, "time": time.isoformat()}


GOOD_LEDGER = [entry("review.submitted", MARK), entry("comment.created", SUMMARY)]


def forge(**fields: Any) -> ForgeView:
    shown: dict[str, Any] = {
        "pull": PullRequest("acme/shop", 1, [OLD, HEAD]),
        "reviews": [{"commit_id": HEAD}],
        "inline": [{"body": f"here {INLINE}"}],
        "comments": [{"body": f"all in all {SUMMARY}"}],
        "statuses": {HEAD: "success"},
    }
    ledger, deliveries = fields.pop("ledger", GOOD_LEDGER), fields.pop("deliveries", [delivery(0, 202)])
    return ForgeView([Shown(**{**shown, **fields})], ledger, deliveries)


def delivery(*attempts: int) -> dict[str, Any]:
    return {"event": "pull_request", "guid": "g", "attempts": list(attempts)}


def test_a_forge_where_everything_was_said_once_passes() -> None:
    assert failed(at_the_forge.judge(forge())) == []


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        ({"deliveries": [delivery(0, 503)]}, ["N1 every webhook was taken"]),
        ({"reviews": [{"commit_id": OLD}]}, ["N2 no review is missing"]),
        ({"ledger": [*GOOD_LEDGER, GOOD_LEDGER[0]]}, ["N2 no review is doubled"]),
        ({"reviews": [{"commit_id": HEAD}, {"commit_id": HEAD}]}, ["N2 no head is reviewed more often than asked for"]),
        ({"inline": [{"body": INLINE}, {"body": INLINE}]}, ["N2 no comment remains twice"]),
        ({"ledger": [*GOOD_LEDGER, GOOD_LEDGER[1]]}, ["N2 no summary was created twice"]),
        ({"comments": []}, ["N2 one summary for each pull request"]),
        ({"statuses": {HEAD: "pending"}}, ["N1 every status is final"]),
        ({"statuses": {}}, ["N1 every open pull request has a status on its head"]),
    ],
)
def test_what_is_wrong_at_the_forge_is_seen(wrong: Mapping[str, Any], noticed: list[str]) -> None:
    assert failed(at_the_forge.judge(forge(**wrong))) == noticed


@pytest.mark.parametrize(("minutes", "noticed"), [(1, []), (30, ["N2 no summary was created twice"])])
def test_a_summary_may_be_doubled_for_a_moment_by_who_was_frozen_then(minutes: int, noticed: list[str]) -> None:
    again = entry("comment.created", SUMMARY, NOW + timedelta(minutes=2))
    frozen = NOW + timedelta(minutes=minutes)
    span = Span(frozen, frozen + timedelta(seconds=20))
    assert failed(at_the_forge.judge(forge(ledger=[*GOOD_LEDGER, again]), [span])) == noticed


def test_who_asks_for_a_review_once_more_gets_one_and_not_two() -> None:
    asked = PullRequest("acme/shop", 1, [HEAD], reviews_asked=1)
    assert failed(at_the_forge.judge(forge(pull=asked, reviews=[{"commit_id": HEAD}] * 2))) == []
    noticed = ["N2 no head is reviewed more often than asked for"]
    assert failed(at_the_forge.judge(forge(pull=asked, reviews=[{"commit_id": HEAD}] * 3))) == noticed


def test_what_people_say_is_no_summary() -> None:
    comments = [{"body": "/penstock help"}, {"body": f"all in all {SUMMARY}"}]
    assert failed(at_the_forge.judge(forge(comments=comments))) == []


def test_a_closed_pull_request_needs_no_review() -> None:
    closed = forge(pull=PullRequest("acme/shop", 1, [HEAD], closed=True), reviews=[], comments=[])
    assert failed(at_the_forge.judge(closed)) == []


# --- at the model -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "booked", "noticed"),
    [
        (150, 150, []),
        (0, REVIEW_TOKENS, []),
        (300, 150, ["N10 nothing is asked that was not booked"]),
        (150, REVIEW_TOKENS + 1, ["N10 no review takes more than its budget"]),
    ],
)
def test_what_a_review_spent_is_booked_and_within_its_budget(answered: int, booked: int, noticed: list[str]) -> None:
    spending = Spending({"7": answered}, [("github:acme/shop#1", RUN, booked)])
    assert failed(at_the_model.judge(spending, [PullRequest("acme/shop", 1, [HEAD], index=7)])) == noticed


# --- in the store -----------------------------------------------------------------------------------------------


def stored(sequence: int, fact: Fact, time: datetime = NOW, attempt: int = 0) -> Event[Fact]:
    said = Envelope(
        f"e{sequence}", fact.TYPE, "orchestrator", time, STREAM, workflow_id=RUN, attempt=attempt, sequence=sequence
    )
    return Event(said, fact)


def review(*parts: str) -> CommentsRequested:
    told = tuple(ReviewPart(Stage.FILES_REVIEW, part, "ok") for part in parts)
    return CommentsRequested(REF, CommentsKind.REVIEW, HEAD, parts=told)


OPENED = stored(1, WorkflowOpened(RUN, "cause", PullRequestKind.OPENED, REF, HEAD, NOW))
RESOLVED = stored(2, ConfigResolved(head=HEAD, manifest=(Batch(0, 1, "x"), Batch(1, 1, "y"))))
ASKED = stored(3, review("0", "1"), attempt=1)
HALF_ASKED = stored(3, review("0"), attempt=1)
FINISHED = stored(4, WorkflowFinished(RUN, RunOutcome.REVIEWED, ""))
SAID = {
    "topic": "workflow.events",
    "stream": STREAM,
    "sent_at": NOW,
    "headers": pack_headers(to_headers(OPENED.envelope)),
}


def store(*facts: Event[Fact], **fields: Any) -> StoreView:
    told = facts or (OPENED, RESOLVED, ASKED, FINISHED)
    run = {
        "id": RUN,
        "subject": "acme/shop#1",
        "status": "COMPLETED",
        "outcome": "reviewed",
        "waiting_for": "",
        "head": HEAD,
    }
    row = {**run, "finished_at": NOW, **fields.pop("run", {})}
    known: dict[str, Any] = {"outbox": [SAID], "letters": [], "stored": {STREAM: len(told)}, "unequal": []}
    return StoreView([row], facts={STREAM: told}, **{**known, **fields})


def test_a_store_in_which_everything_ended_well_passes() -> None:
    assert failed(in_the_store.judge(store(), forge())) == []


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        (store(run={"finished_at": None}), "N1 every run is over"),
        (store(letters=[{"reason": "poison", "error": "", "event_type": "x"}]), "N12 nothing is stalled or dead"),
        (store(unequal=[Refolded(STREAM, equal=False)]), "N4 refold is the stored state"),
        (store(OPENED, RESOLVED, FINISHED), "N5 sequences are contiguous"),
        (store(stored={STREAM: 5}), "N5 sequences are contiguous"),
        (store(OPENED, RESOLVED, ASKED), "N5 every run opens and ends once"),
        (store(outbox=[{**SAID, "sent_at": None}]), "N6 the outbox is published"),
        (
            store(OPENED, RESOLVED, stored(3, review("0"), attempt=1), FINISHED),
            "N7 every join fires once, with every part",
        ),
    ],
)
def test_what_is_wrong_in_the_store_is_seen(wrong: StoreView, noticed: str) -> None:
    assert failed(in_the_store.judge(wrong, forge())) == [noticed]


def test_a_join_that_fires_twice_is_seen() -> None:
    twice = store(OPENED, RESOLVED, ASKED, stored(4, review("0", "1"), attempt=1), stored(5, FINISHED.fact))
    assert failed(in_the_store.judge(twice, forge())) == ["N7 every join fires once, with every part"]


def test_a_reviewed_run_without_its_review_and_a_review_without_a_run_are_seen() -> None:
    strange = forge(ledger=[entry("review.submitted", INLINE), GOOD_LEDGER[1]])
    assert failed(in_the_store.judge(store(), strange)) == [
        "N2 one review at the forge for each reviewed run",
        "N2 every review at the forge is of a run",
    ]


@pytest.mark.parametrize("silenced", [0, 2])
def test_a_run_that_finds_everything_said_before_needs_no_review_of_its_own(silenced: int) -> None:
    answer = CommentsPublished(kind=CommentsKind.REVIEW, head=HEAD, silenced=silenced)
    view = store(OPENED, RESOLVED, ASKED, stored(4, answer), stored(5, FINISHED.fact))
    noticed = failed(in_the_store.judge(view, forge(ledger=GOOD_LEDGER[1:])))
    assert noticed == ([] if silenced else ["N2 one review at the forge for each reviewed run"])


@pytest.mark.parametrize("said", [0, 1, 2])
def test_a_restored_store_is_held_to_the_heads_of_its_runs(said: int) -> None:
    of_a_forgotten_run = {**entry("review.submitted", INLINE), "head": HEAD}
    noticed = failed(in_the_store.judge(store(), forge(ledger=[of_a_forgotten_run] * said), restored=True))
    assert noticed == ([] if said == 1 else ["N2 one review at the forge for the head of each reviewed run"])


@pytest.mark.parametrize(("seconds", "late"), [(-5, False), (3, False), (18, True)])
def test_a_review_said_after_its_run_was_superseded_is_seen(seconds: float, late: bool) -> None:
    superseded = store(
        OPENED,
        RESOLVED,
        ASKED,
        stored(4, WorkflowSuperseded(RUN, "closed")),
        stored(5, WorkflowFinished(RUN, RunOutcome.SUPERSEDED, "closed")),
        run={"outcome": "superseded"},
    )
    said = entry("review.submitted", MARK, NOW + timedelta(seconds=seconds))
    noticed = failed(in_the_store.judge(superseded, forge(ledger=[said])))
    assert noticed == (["N3 no review after its head was superseded"] if late else [])


# --- on the log -------------------------------------------------------------------------------------------------


def log(**fields: Any) -> LogView:
    view = LogView(
        ends={("c.workflow.events", 0): 1}, committed={"penstock-ast": {("c.workflow.events", 0): 1}}, copies=1
    )
    view.records["workflow.events"]["e1"] += 1
    for name, value in fields.items():
        setattr(view, name, value)
    return view


def test_a_log_that_was_read_to_its_end_passes() -> None:
    assert failed(on_the_log.judge(log(), store(), twice=True)) == []


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        (log(committed={"g": {("c.workflow.events", 0): 2}}), ["N9 no group is beyond the end"]),
        (log(committed={"g": {("c.workflow.events", 0): 0}}), ["N9 no group left anything unfinished"]),
        (log(copies=0), ["N8 every record was there twice"]),
    ],
)
def test_what_is_wrong_on_the_log_is_seen(wrong: LogView, noticed: list[str]) -> None:
    assert failed(on_the_log.judge(wrong, store(), twice=True)) == noticed


def test_records_that_were_lost_and_records_from_nowhere_are_seen() -> None:
    view = log()
    view.records["workflow.events"].clear()
    view.records["workflow.events"]["e9"] += 1
    assert failed(on_the_log.judge(view, store(), twice=False)) == [
        "N6 every row of the outbox is on the log",
        "N6 every record was in the outbox",
    ]
