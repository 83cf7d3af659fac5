"""The judge of what people asked for is shown worlds with one thing wrong."""

from collections.abc import Mapping
from typing import Any

import pytest

from penstock_contracts.enums import CommentsKind, ControlAction, PullRequestKind, RunOutcome
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    AstRequested,
    CommentsRequested,
    Fact,
    PrReceived,
    WorkflowCancelled,
    WorkflowControl,
    WorkflowFinished,
    WorkflowPaused,
    WorkflowResumed,
)
from penstock_contracts.inner import AnswerIgnored
from tests.chaos import at_the_console
from tests.chaos.at_the_forge import ForgeView
from tests.chaos.in_the_store import StoreView
from tests.chaos.load import PullRequest
from tests.unit.chaos.test_judges import GOOD_LEDGER, HEAD, REF, RUN, STREAM, failed, forge, review, store, stored

ASKED = AstRequested(REF, HEAD, "base", "config", "change", "manifest")
CONTROL = WorkflowControl(ControlAction.CANCEL, RUN, "ada")
CANCELLED = WorkflowCancelled(RUN, "ada", "")
OVER = WorkflowFinished(RUN, RunOutcome.CANCELLED, "")
CLOSING = CommentsRequested(REF, CommentsKind.CANCELLED, HEAD)
COMMAND = PrReceived(
    PullRequestKind.COMMAND, "github", "forge", "1", "acme/shop", 1, "d", command="pause", comment_id="9"
)
TAKEN = {"acme/shop#1 cancel": {"e1"}}


def facts(*told: Fact) -> tuple[Event[Fact], ...]:
    return tuple(stored(number, fact) for number, fact in enumerate(told, 1))


def cancelled(*told: Fact, outcome: str = "cancelled") -> StoreView:
    return store(*facts(*told), run={"outcome": outcome, "stream": STREAM})


def wanted(**fields: Any) -> ForgeView:
    """A pull request of which somebody wanted a run cancelled."""
    pull = PullRequest("acme/shop", 1, [HEAD], stream=STREAM, cancelled=True)
    return forge(**{"pull": pull, "reviews": [], "comments": [], "ledger": [], **fields})


def noticed(view: StoreView, at: ForgeView, taken: Mapping[str, set[str]] | None = None) -> list[str]:
    return failed(at_the_console.judge(view, at, TAKEN if taken is None else taken))


def test_a_run_that_was_cancelled_and_says_nothing_more_passes() -> None:
    assert noticed(cancelled(CONTROL, CANCELLED, CLOSING, OVER), wanted()) == []


def test_a_wish_that_changed_nothing_any_more_is_decided_too() -> None:
    ignored = AnswerIgnored(RUN, "e1", WorkflowControl.TYPE, "the run is over")
    view = store(*(stored(number + 4, fact) for number, fact in enumerate((ASKED, ignored))), run={"stream": STREAM})
    assert noticed(view, forge()) == []


@pytest.mark.parametrize("ids", [{"e9"}, {"e1", "e9"}])
def test_a_wish_that_was_taken_and_never_decided_is_seen(ids: set[str]) -> None:
    again = ["N1 a wish that is asked again is the same"] if len(ids) > 1 else []
    found = noticed(cancelled(CONTROL, CANCELLED, OVER), wanted(), {"key": ids})
    assert found == ["N1 every wish that was taken is decided once", *again]


def test_a_wish_that_is_decided_twice_is_seen() -> None:
    twice = (*facts(CONTROL, CANCELLED, OVER), stored(4, AnswerIgnored(RUN, "e1", WorkflowControl.TYPE, "over")))
    view = store(*twice, run={"outcome": "cancelled", "stream": STREAM})
    assert noticed(view, wanted()) == ["N1 every wish that was taken is decided once"]


@pytest.mark.parametrize(("comments", "lost"), [(["9"], False), (["9", "10"], True)])
def test_a_command_that_never_arrived_is_seen(comments: list[str], lost: bool) -> None:
    commanded = forge(pull=PullRequest("acme/shop", 1, [HEAD], stream=STREAM, commands=comments))
    found = noticed(store(*facts(COMMAND), run={"stream": STREAM}), commanded, {})
    assert found == (["N1 every command is stored once"] if lost else [])


def test_a_command_that_is_stored_twice_is_seen() -> None:
    commanded = forge(pull=PullRequest("acme/shop", 1, [HEAD], stream=STREAM, commands=["9"]))
    found = noticed(store(*facts(COMMAND, COMMAND), run={"stream": STREAM}), commanded, {})
    assert found == ["N1 every command is stored once"]


def test_who_lacks_a_review_though_nobody_was_cancelled_is_seen() -> None:
    assert noticed(cancelled(CONTROL, outcome="reviewed"), wanted()) == ["N2 who lacks a review was cancelled"]


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ((CONTROL, WorkflowPaused(RUN, "ada", ""), WorkflowResumed(RUN, "ada", ""), ASKED), False),
        ((CONTROL, WorkflowPaused(RUN, "ada", ""), CANCELLED, CLOSING), False),
        ((CONTROL, WorkflowPaused(RUN, "ada", ""), ASKED), True),
    ],
)
def test_what_is_asked_while_a_run_is_paused_is_seen(told: tuple[Fact, ...], seen: bool) -> None:
    assert noticed(cancelled(*told), wanted()) == (["N3 nothing is asked while a run is paused"] if seen else [])


@pytest.mark.parametrize("late", [ASKED, review("0")])
def test_what_is_asked_of_a_cancelled_run_is_seen(late: Fact) -> None:
    assert noticed(cancelled(CONTROL, CANCELLED, late, OVER), wanted()) == ["N3 a cancelled run only closes"]


@pytest.mark.parametrize("before", [True, False])
def test_a_review_of_a_cancelled_run_is_seen_unless_it_was_asked_for_before(before: bool) -> None:
    told = (CONTROL, review("0"), CANCELLED, OVER) if before else (CONTROL, CANCELLED, OVER)
    found = noticed(cancelled(*told), wanted(reviews=[{"commit_id": HEAD}], ledger=GOOD_LEDGER))
    assert found == ([] if before else ["N3 no review of who was cancelled before"])
