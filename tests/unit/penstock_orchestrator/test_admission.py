"""Whose turn it is: fair between organisations and repositories, within the limits (J7)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.enums import JobStatus, PullRequestKind, Stage
from penstock_orchestrator.admission import chosen, waits_for_its_turn
from penstock_orchestrator.project import ITS_TURN, REDRIVE, RESUMING, status_of
from penstock_orchestrator.rules import Limits
from penstock_store.rows import Pending, TimerRow, UnderWay
from tests.unit.penstock_orchestrator.pull_request import RULES, START, PullRequestUnderTest

HOURS = timedelta(hours=2)
CALM = timedelta(seconds=5)


def waiting(organisation: str, repository: str, name: str) -> Pending:
    timer = TimerRow(name, f"stream {name}", START + HOURS, "attempt", name, "prepare", "", 1, 0)
    return Pending(timer, organisation, f"{organisation}/{repository}")


def busy(organisation: str, repository: str, runs: int, waiting_for: str = "ast.completed") -> UnderWay:
    return UnderWay(organisation, f"{organisation}/{repository}", waiting_for, runs)


def names(found: Sequence[Pending]) -> list[str]:
    return [one.timer.id for one in found]


def test_without_a_limit_everything_begins_at_once() -> None:
    assert names(chosen([waiting("a", "x", "1"), waiting("a", "x", "2")], [busy("a", "x", 90)], Limits(), 50)) == [
        "1",
        "2",
    ]


def test_a_repository_that_has_its_share_waits_and_others_go_on() -> None:
    line = [waiting("a", "x", "1"), waiting("a", "x", "2"), waiting("a", "y", "3")]
    assert names(chosen(line, [busy("a", "x", 1)], Limits(repository=2), 50)) == ["3", "1"]


def test_an_organisation_that_has_its_share_waits_with_all_its_repositories() -> None:
    line = [waiting("a", "x", "1"), waiting("a", "y", "2"), waiting("b", "z", "3")]
    assert names(chosen(line, [busy("a", "x", 3)], Limits(organisation=3), 50)) == ["3"]


def test_whoever_asks_for_much_does_not_hold_up_whoever_asks_for_little() -> None:
    flood = [waiting("a", "x", f"a{number}") for number in range(100)]
    found = chosen([*flood, waiting("b", "z", "b0")], [], Limits(organisation=10), 4)
    assert names(found) == ["a0", "b0", "a1", "a2"]


def test_what_is_paused_or_stalled_takes_nobody_s_place() -> None:
    standing = [busy("a", "x", 5, RESUMING), busy("a", "x", 5, f"{REDRIVE} e1")]
    assert names(chosen([waiting("a", "x", "1")], standing, Limits(repository=1), 50)) == ["1"]


@given(
    line=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=60),
    standing=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 5)), max_size=9),
    organisation=st.integers(1, 8),
    repository=st.integers(1, 5),
)
def test_no_limit_is_ever_passed_and_no_place_stays_empty(
    line: list[tuple[str, str]], standing: list[tuple[str, str, int]], organisation: int, repository: int
) -> None:
    limits = Limits(organisation, repository)
    pending = [waiting(owner, name, str(number)) for number, (owner, name) in enumerate(line)]
    under_way = [busy(owner, name, runs) for owner, name, runs in standing]

    found = chosen(pending, under_way, limits, 1000)

    for owner in "abc":
        before = sum(one.runs for one in under_way if one.organisation == owner)
        new = sum(one.organisation == owner for one in found)
        assert not new or before + new <= organisation
        for name in "xyz":
            known = sum(one.runs for one in under_way if one.repository == f"{owner}/{name}")
            added = sum(one.repository == f"{owner}/{name}" for one in found)
            left = sum(one.repository == f"{owner}/{name}" for one in pending) - added
            assert not added or known + added <= repository
            assert not left or before + new >= organisation or known + added >= repository


def pull_request() -> PullRequestUnderTest:
    return PullRequestUnderTest(replace(RULES, in_turn=True, debounce=CALM))


def turn(pr: PullRequestUnderTest) -> None:
    """Fires what waits for its turn, as admission does."""
    for timer in pr.timers():
        if waits_for_its_turn(Pending(timer, "", ""), pr.now, CALM):
            pr.fire(timer)


def test_a_run_waits_for_its_turn_and_says_so() -> None:
    pr = pull_request()
    run = pr.receive(hint_head="a" * 40)

    assert pr.requests(run) == []
    assert status_of(pr.run(run)) is JobStatus.PENDING
    assert pr.fold.project(pr.state).jobs[0].waiting_for == ITS_TURN


def test_given_its_turn_it_is_reviewed() -> None:
    pr = pull_request()
    run = pr.receive(hint_head="a" * 40)
    turn(pr)
    assert len(pr.requests(run, Stage.PREPARE)) == 1
    pr.read(run)
    pr.answer_everything()
    assert status_of(pr.run(run)) is JobStatus.COMPLETED
    assert pr.timers() == ()


def test_pushes_meanwhile_wait_in_the_same_place() -> None:
    pr = pull_request()
    run = pr.receive(hint_head="a" * 40)
    assert pr.receive(PullRequestKind.UPDATED, hint_head="f" * 40) == ""
    assert pr.run(run).hint_head == "f" * 40


def test_a_push_onto_a_review_under_way_takes_its_place() -> None:
    pr = pull_request()
    first = pr.receive(hint_head="a" * 40)
    turn(pr)
    pr.read(first)
    pr.pass_time(minutes=1)

    second = pr.receive(PullRequestKind.UPDATED, hint_head="f" * 40)

    assert len(pr.requests(second, Stage.PREPARE)) == 1


def test_a_command_does_not_wait() -> None:
    pr = pull_request()
    pr.receive(hint_head="a" * 40)
    forced = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1")
    assert len(pr.requests(forced, Stage.PREPARE)) == 1


def test_a_run_whose_turn_never_comes_ends_at_its_deadline() -> None:
    pr = pull_request()
    run = pr.receive(hint_head="a" * 40)
    pr.pass_time(hours=2)
    pr.pass_time(hours=2)
    assert pr.run(run).finished
