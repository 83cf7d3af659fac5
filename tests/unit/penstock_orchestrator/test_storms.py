"""Pushes that come close together are read once when they have all come (J7)."""

from dataclasses import replace
from datetime import timedelta

from penstock_contracts.enums import Command, ControlAction, PullRequestKind, RunOutcome, Stage
from penstock_contracts.facts import WorkflowFinished
from penstock_orchestrator.fold import OrchestratorFold
from tests.unit.penstock_orchestrator.pull_request import RULES, PullRequestUnderTest

CALM = timedelta(seconds=5)
HEADS = [character * 40 for character in "abcdef"]


def pull_request() -> PullRequestUnderTest:
    return PullRequestUnderTest(replace(RULES, debounce=CALM))


def push(pr: PullRequestUnderTest, head: str) -> str:
    return pr.receive(PullRequestKind.UPDATED, hint_head=head)


def readings(pr: PullRequestUnderTest) -> int:
    return len(pr.requests(stage=Stage.PREPARE))


def test_the_first_event_is_read_at_once() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    assert readings(pr) == 1


def test_a_storm_of_pushes_is_read_at_its_beginning_and_when_it_is_over() -> None:
    pr = pull_request()
    first = pr.receive(hint_head=HEADS[0])
    pr.pass_time(seconds=1)
    second = push(pr, HEADS[1])
    for head in HEADS[2:]:
        pr.pass_time(seconds=0.5)
        assert push(pr, head) == ""
    assert readings(pr) == 1

    pr.pass_time(seconds=5)

    assert readings(pr) == 2
    pr.read(first, HEADS[0])
    pr.read(second, HEADS[-1])
    pr.answer_everything()
    assert {fact.run_id: fact.outcome for fact in pr.said(WorkflowFinished)} == {
        first: RunOutcome.SUPERSEDED,
        second: RunOutcome.REVIEWED,
    }


def test_the_waiting_run_looks_for_the_newest_head_and_asks_again_where_the_platform_still_shows_an_older_one() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    waiting = push(pr, HEADS[1])
    push(pr, HEADS[2])
    pr.pass_time(seconds=5)

    pr.read(waiting, HEADS[1])

    assert pr.run(waiting).hint_head == HEADS[2]
    assert not pr.run(waiting).past_prepare
    pr.pass_time(seconds=5)
    assert readings(pr) == 3


def test_after_a_calm_the_next_push_is_read_at_once() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    pr.pass_time(seconds=5)
    push(pr, HEADS[1])
    assert readings(pr) == 2


def test_a_storm_that_goes_on_is_read_once_in_every_calm() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    for second in range(20):
        pr.pass_time(seconds=1)
        push(pr, f"{second:040x}")
    assert readings(pr) == 5


def test_a_command_waits_for_nothing() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    push(pr, HEADS[1])
    pr.receive(PullRequestKind.COMMAND, command=Command.REVIEW, comment_id="c1")
    assert readings(pr) == 2


def test_a_pull_request_that_is_closed_in_the_storm_is_not_read_again() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    push(pr, HEADS[1])
    pr.receive(PullRequestKind.CLOSED)
    pr.pass_time(minutes=1)
    assert readings(pr) == 1
    assert {fact.outcome for fact in pr.said(WorkflowFinished)} == {RunOutcome.SUPERSEDED}


def test_a_paused_run_takes_what_comes_and_reads_it_when_it_goes_on() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    waiting = push(pr, HEADS[1])
    pr.control(ControlAction.PAUSE, waiting)
    pr.pass_time(minutes=1)
    assert push(pr, HEADS[2]) == ""
    pr.control(ControlAction.RESUME, waiting)
    pr.pass_time(seconds=1)
    assert readings(pr) == 2
    assert pr.run(waiting).hint_head == HEADS[2]


def test_what_is_stored_of_a_storm_folds_to_the_same_state() -> None:
    pr = pull_request()
    pr.receive(hint_head=HEADS[0])
    for head in HEADS[1:]:
        push(pr, head)
    fold = OrchestratorFold(RULES)
    state = fold.initial(pr.state.stream)
    for stored in pr.stored:
        state = fold.evolve(state, stored)
    assert state == pr.state
