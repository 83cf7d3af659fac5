"""A pull request is closed, merged or reopened, as webhooks tell in any order."""

import pytest

from penstock_contracts.enums import CommentsKind, ExecutionState, PullRequestKind, RunOutcome, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from tests.unit.penstock_orchestrator.pull_request import PullRequestUnderTest

A, B = "a" * 40, "f" * 40


def test_closing_the_pull_request_grows_the_epoch_at_once_and_ends_every_run() -> None:
    pr = PullRequestUnderTest()
    early = pr.receive()
    pr.read(early, A)
    unread = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.receive(PullRequestKind.MERGED)
    assert pr.state.epoch == 2
    pr.answer_everything()
    assert pr.outcomes() == {early: RunOutcome.SUPERSEDED, unread: RunOutcome.SUPERSEDED}
    assert pr.comments(unread) == []


def test_a_closing_that_comes_after_the_reopening_it_preceded_loses_no_review() -> None:
    pr = PullRequestUnderTest()
    first = pr.receive()
    pr.read(first, A)
    pr.answer_everything()
    reopened = pr.receive(PullRequestKind.REOPENED, hint_head=B)
    again = pr.receive(PullRequestKind.CLOSED, hint_head=A)
    pr.read(again, B)
    pr.answer_everything()
    assert pr.outcomes() == {
        first: RunOutcome.REVIEWED,
        reopened: RunOutcome.SUPERSEDED,
        again: RunOutcome.REVIEWED,
    }
    assert [(known.head, known.run_id) for known in pr.state.reviewed] == [(A, first), (B, again)]


def test_a_pull_request_that_is_closed_again_after_a_reopening_is_read_once_more_and_nothing_is_said() -> None:
    pr = PullRequestUnderTest()
    pr.receive(PullRequestKind.REOPENED)
    again = pr.receive(PullRequestKind.CLOSED)
    pr.read(again, closed=True)
    assert pr.outcomes()[again] is RunOutcome.SKIPPED
    assert pr.comments(again) == []
    assert pr.receive(PullRequestKind.CLOSED) == ""


@pytest.mark.parametrize("kind", [PullRequestKind.CLOSED, PullRequestKind.MERGED])
def test_a_closing_that_nothing_speaks_against_opens_no_run(kind: PullRequestKind) -> None:
    pr = PullRequestUnderTest()
    pr.receive(PullRequestKind.REOPENED)
    pr.receive(PullRequestKind.MERGED)
    pr.receive()
    assert pr.receive(kind) == ""


def test_a_review_that_was_asked_for_and_not_begun_is_not_wanted_after_the_pull_request_was_closed() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, A)
    while CommentsKind.REVIEW not in pr.comments(run):
        pr.answer(next(request for request in pr.open_requests() if request.envelope.stage != Stage.COMMENTS))
    review = pr.last_request(run, Stage.COMMENTS)
    assert is_wanted(pr, review)
    pr.receive(PullRequestKind.CLOSED)
    assert not is_wanted(pr, review)
    pr.fail(review)
    pr.pass_time(minutes=5)
    assert pr.comments(run).count(CommentsKind.REVIEW) == 1
    assert not pr.run(run).finished
    pr.answer(pr.last_request(run, Stage.COMMENTS))
    assert pr.outcomes() == {run: RunOutcome.SUPERSEDED}


def is_wanted(pr: PullRequestUnderTest, request: Event[Fact]) -> bool:
    """As the commenter asks it."""
    asked = request.envelope
    rows = pr.fold.project(pr.state).executions
    found = [
        row for row in rows if (row.run_id, row.part, row.attempt) == (asked.workflow_id, asked.part, asked.attempt)
    ]
    return [row.state for row in found] == [ExecutionState.ASKED]
