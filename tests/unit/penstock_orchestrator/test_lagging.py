"""A platform shows for some seconds what was before that of which its webhooks told: it is read once more."""

from dataclasses import replace
from typing import Any

import pytest

from penstock_contracts.enums import AnswerOutcome, PullRequestKind, RunOutcome, SkipReason, Stage
from tests.unit.penstock_orchestrator.pull_request import PullRequestUnderTest, reading

A = "a" * 40
DRAFT: dict[str, Any] = {"outcome": AnswerOutcome.SKIPPED, "reason": SkipReason.DRAFT}
CLOSED: dict[str, Any] = {"closed": True, "outcome": AnswerOutcome.SKIPPED}


def read_once_more(pr: PullRequestUnderTest, run: str, **shown: Any) -> None:
    pr.read(run, A, **shown)
    assert not pr.run(run).ending
    pr.pass_time(seconds=5)
    assert len(pr.requests(run, Stage.PREPARE)) == 2


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(PullRequestKind.READY, DRAFT), (PullRequestKind.UPDATED, DRAFT), (PullRequestKind.REOPENED, CLOSED)],
)
def test_what_is_not_ready_or_open_yet_is_reviewed_when_the_platform_shows_that_it_is(
    kind: PullRequestKind, shown: dict[str, Any]
) -> None:
    pr = PullRequestUnderTest()
    run = pr.receive(kind, hint_head=A)
    read_once_more(pr, run, **shown)
    pr.read(run, A)
    pr.answer_everything()
    assert pr.outcomes() == {run: RunOutcome.REVIEWED}


def test_a_pull_request_that_goes_to_another_branch_is_reviewed_against_that() -> None:
    pr = PullRequestUnderTest()
    first = pr.receive(hint_head=A, hint_base_ref="main")
    pr.read(first, A, base_ref="main")
    pr.answer_everything()
    run = pr.receive(PullRequestKind.RETARGETED, hint_head=A, hint_base_ref="next")
    read_once_more(pr, run, base_ref="main")
    pr.answer(pr.last_request(run, Stage.PREPARE), replace(reading(A), base="d" * 40, base_ref="next"))
    pr.answer_everything()
    assert pr.outcomes() == {first: RunOutcome.REVIEWED, run: RunOutcome.REVIEWED}


@pytest.mark.parametrize("shown", [DRAFT, CLOSED])
def test_the_second_reading_is_believed(shown: dict[str, Any]) -> None:
    pr = PullRequestUnderTest()
    run = pr.receive(hint_head=A)
    read_once_more(pr, run, **shown)
    pr.read(run, A, **shown)
    assert pr.outcomes() == {run: RunOutcome.SKIPPED}


def test_a_draft_of_which_webhooks_told_as_one_is_read_once() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive(hint_head=A, draft=True)
    pr.read(run, A, **DRAFT)
    assert pr.outcomes() == {run: RunOutcome.SKIPPED}


def test_what_a_lagging_platform_shows_as_closed_ends_no_other_review() -> None:
    pr = PullRequestUnderTest()
    under_way = pr.receive(hint_head=A)
    pr.read(under_way, A)
    read_once_more(pr, pr.receive(PullRequestKind.UPDATED, hint_head=A), **CLOSED)
    assert not pr.run(under_way).ending
