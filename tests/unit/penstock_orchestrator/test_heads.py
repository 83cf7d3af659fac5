"""Which head is reviewed: only prepare's reading decides."""

from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_contracts.enums import (
    AnswerOutcome,
    CommentsKind,
    ControlAction,
    JobStatus,
    PullRequestKind,
    RunOutcome,
    SkipReason,
    Stage,
)
from penstock_contracts.facts import (
    CommentsPublished,
    EpochGrown,
    HeadAdopted,
    WorkflowSuperseded,
)
from tests.unit.penstock_orchestrator.pull_request import RULES, PullRequestUnderTest, reading

A, B, C = "a" * 40, "f" * 40, "c" * 40


def reviewed(pr: PullRequestUnderTest, head: str) -> str:
    run = pr.receive(PullRequestKind.UPDATED, hint_head=head)
    pr.read(run, head)
    pr.answer_everything()
    return run


def test_a_new_head_supersedes_the_run_of_the_old_one_once_it_is_read() -> None:
    pr = PullRequestUnderTest()
    old = pr.receive(hint_head=A)
    pr.read(old, A)
    new = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    assert not pr.run(old).ending
    pr.read(new, B)
    assert pr.run(old).outcome is RunOutcome.SUPERSEDED
    assert pr.comments(old) == [CommentsKind.PENDING, CommentsKind.SUPERSEDED]
    assert pr.state.epoch == 2
    pr.answer_everything()
    assert pr.outcomes() == {old: RunOutcome.SUPERSEDED, new: RunOutcome.REVIEWED}
    assert CommentsKind.REVIEW not in pr.comments(old)


def test_answers_for_a_superseded_run_are_ignored_and_nothing_more_is_asked_of_it() -> None:
    pr = PullRequestUnderTest()
    old = pr.receive()
    pr.read(old, A)
    analysis = pr.last_request(old, Stage.AST)
    pr.read(pr.receive(PullRequestKind.UPDATED), B)
    before = len(pr.requests(old))
    pr.answer(analysis)
    assert len(pr.requests(old)) == before
    assert pr.stored[-1].fact.TYPE == "answer.ignored"


def test_the_job_of_a_stage_that_was_withdrawn_ends_with_its_run() -> None:
    pr = PullRequestUnderTest()
    old = pr.receive(hint_head=A)
    pr.read(old, head=A)
    pr.receive(PullRequestKind.CLOSED)
    pr.answer_everything()
    jobs = pr.fold.project(pr.state).jobs
    assert {job.status for job in jobs if job.parent_id == old} == {JobStatus.CANCELLED}
    assert [job for job in jobs if job.finished_at is None] == []


def test_the_same_head_again_is_skipped_and_says_nothing() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    again = pr.receive(PullRequestKind.REOPENED, hint_head=A)
    pr.read(again, A)
    assert pr.comments(again) == []
    assert pr.run(again).reason == SkipReason.SAME_HEAD


def test_the_same_head_on_another_base_is_reviewed() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    moved = pr.receive(PullRequestKind.RETARGETED, hint_head=A)
    pr.answer(pr.last_request(moved, Stage.PREPARE), reading(A, base_ref="next").__class__(head=A, base="c" * 40))
    assert not pr.run(moved).ending


def test_the_same_head_under_way_is_skipped() -> None:
    pr = PullRequestUnderTest()
    first = pr.receive(hint_head=A)
    second = pr.receive(PullRequestKind.READY, hint_head=A)
    pr.read(first, A)
    pr.read(second, A)
    assert pr.run(second).reason == SkipReason.SAME_HEAD
    assert not pr.run(first).ending


def test_a_command_reviews_the_same_head_again() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    forced = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1")
    pr.read(forced, A)
    pr.answer_everything()
    assert pr.outcomes()[forced] is RunOutcome.REVIEWED


def test_a_hint_that_was_never_seen_and_is_not_what_was_read_is_read_once_more_after_five_seconds() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    run = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(run, A)
    assert not pr.run(run).ending
    pr.pass_time(seconds=4)
    assert len(pr.requests(run, Stage.PREPARE)) == 1
    pr.pass_time(seconds=2)
    pr.read(run, B)
    assert pr.run(run).head == B
    pr.answer_everything()
    assert pr.outcomes()[run] is RunOutcome.REVIEWED


def test_the_second_reading_decides_whatever_it_says() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    run = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(run, A)
    pr.pass_time(seconds=6)
    pr.read(run, A)
    assert pr.run(run).reason == SkipReason.SAME_HEAD


def test_heads_a_b_a_with_a_reviewed_supersede_b_and_say_nothing_more() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    middle = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(middle, B)
    last = pr.receive(PullRequestKind.UPDATED, hint_head=A)
    pr.read(last, A)
    assert pr.run(middle).outcome is RunOutcome.SUPERSEDED
    assert pr.run(last).reason == SkipReason.SAME_HEAD
    assert pr.said(EpochGrown)[-1].epoch == pr.state.epoch == 3


def test_heads_a_b_a_with_a_superseded_review_a_again() -> None:
    pr = PullRequestUnderTest()
    first = pr.receive(hint_head=A)
    pr.read(first, A)
    middle = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(middle, B)
    last = pr.receive(PullRequestKind.UPDATED, hint_head=A)
    pr.read(last, A)
    pr.answer_everything()
    assert pr.outcomes() == {
        first: RunOutcome.SUPERSEDED,
        middle: RunOutcome.SUPERSEDED,
        last: RunOutcome.REVIEWED,
    }
    assert [fact.epoch for fact in pr.said(HeadAdopted)] == [1, 2, 3]


def test_a_run_that_reads_a_known_head_late_leaves_the_run_alone_that_was_opened_after_it() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    before = pr.receive(PullRequestKind.REOPENED, hint_head=A)
    pr.fail(pr.last_request(before, Stage.PREPARE))
    pushed = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(pushed, B)
    pr.pass_time(seconds=30)
    pr.read(before, A)
    assert pr.run(before).reason == SkipReason.SAME_HEAD
    pr.answer_everything()
    assert pr.outcomes()[pushed] is RunOutcome.REVIEWED


@pytest.mark.parametrize("hinted", [B, ""])
def test_a_known_head_that_no_webhook_named_again_ends_no_review(hinted: str) -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    pushed = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(pushed, B)
    lagged = pr.receive(PullRequestKind.READY, hint_head=hinted)
    pr.read(lagged, A)
    assert pr.run(lagged).reason == SkipReason.SAME_HEAD
    pr.answer_everything()
    assert pr.outcomes()[pushed] is RunOutcome.REVIEWED


def test_a_command_for_which_there_is_nothing_to_review_ends_no_review() -> None:
    pr = PullRequestUnderTest()
    reviewed(pr, A)
    pushed = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(pushed, B)
    command = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1")
    pr.read(command, A, outcome=AnswerOutcome.SKIPPED, reason="nothing to review")
    pr.answer_everything()
    assert pr.outcomes()[pushed] is RunOutcome.REVIEWED


def opened_and_pushed(pr: PullRequestUnderTest) -> tuple[str, str]:
    """The run of A, and that of the push of B after it; neither has read anything."""
    return pr.receive(hint_head=A), pr.receive(PullRequestKind.UPDATED, hint_head=B)


def test_a_run_that_reads_the_head_of_its_push_late_leaves_the_run_alone_of_the_push_after_it() -> None:
    pr = PullRequestUnderTest()
    before, pushed = opened_and_pushed(pr)
    pr.read(pushed, B)
    pr.read(before, A)
    assert pr.run(before).reason == f"head is {B}"
    assert not pr.requests(before, Stage.AST)
    pr.control(ControlAction.CANCEL, before)
    pr.answer_everything()
    assert pr.outcomes() == {before: RunOutcome.SUPERSEDED, pushed: RunOutcome.REVIEWED}


def test_a_run_that_read_a_head_ahead_of_its_webhook_does_not_go_back_behind_the_run_of_that_head() -> None:
    pr = PullRequestUnderTest()
    before, pushed = opened_and_pushed(pr)
    pr.read(before, B)
    pr.read(pushed, B)
    pr.pass_time(seconds=5)
    pr.read(before, A)
    pr.answer_everything()
    assert pr.outcomes() == {before: RunOutcome.SUPERSEDED, pushed: RunOutcome.REVIEWED}


def test_a_review_again_that_is_shown_a_head_of_before_leaves_the_run_alone_of_the_push_after_it() -> None:
    pr = PullRequestUnderTest()
    first = reviewed(pr, A)
    pr.control(ControlAction.RE_REVIEW, first)
    again = next(run.id for run in pr.state.open_runs())
    pushed = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    pr.read(pushed, B)
    pr.read(again, A)
    pr.answer_everything()
    assert pr.outcomes() == {
        first: RunOutcome.REVIEWED,
        again: RunOutcome.SUPERSEDED,
        pushed: RunOutcome.REVIEWED,
    }


@pytest.mark.parametrize("newest", [A, C])
def test_a_run_that_waited_and_was_told_of_a_newer_head_takes_the_place_of_one_opened_after_it(newest: str) -> None:
    pr = PullRequestUnderTest(replace(RULES, debounce=timedelta(seconds=30)))
    pr.read(pr.receive(hint_head=A), A)
    waiting = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    command = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1", hint_head=B)
    pr.receive(PullRequestKind.UPDATED, hint_head=newest)
    pr.read(command, B)
    pr.pass_time(seconds=30)
    pr.read(waiting, newest)
    assert pr.run(command).outcome is RunOutcome.SUPERSEDED
    pr.answer_everything()
    assert pr.outcomes()[waiting] is RunOutcome.REVIEWED


def test_a_run_that_waited_and_was_told_of_a_reviewed_head_again_ends_the_one_opened_after_it() -> None:
    pr = PullRequestUnderTest(replace(RULES, debounce=timedelta(seconds=30)))
    reviewed(pr, A)
    pr.receive(PullRequestKind.UPDATED, hint_head=C)
    waiting = pr.receive(PullRequestKind.UPDATED, hint_head=B)
    command = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1", hint_head=B)
    pr.read(command, B)
    pr.receive(PullRequestKind.UPDATED, hint_head=A)
    pr.pass_time(seconds=30)
    pr.read(waiting, A)
    assert pr.run(waiting).reason == SkipReason.SAME_HEAD
    assert pr.run(command).outcome is RunOutcome.SUPERSEDED


def test_a_run_that_reads_a_head_nobody_has_told_of_takes_the_place_of_one_opened_after_it() -> None:
    pr = PullRequestUnderTest()
    before, pushed = opened_and_pushed(pr)
    pr.read(pushed, B)
    pr.read(before, C)
    pr.pass_time(seconds=5)
    pr.read(before, C)
    assert pr.run(pushed).outcome is RunOutcome.SUPERSEDED
    pr.answer_everything()
    assert pr.outcomes()[before] is RunOutcome.REVIEWED


def test_a_head_that_moved_before_the_review_was_said_opens_a_run_of_its_own() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, A)
    pr.answer(pr.last_request(run, Stage.AST))
    for stage in (Stage.PR_REVIEW, Stage.FILES_REVIEW):
        pr.answer(pr.last_request(run, stage))
    moved = CommentsPublished(outcome=AnswerOutcome.SKIPPED, reason=SkipReason.HEAD_MOVED, head=B)
    pr.answer(pr.last_request(run, Stage.COMMENTS), moved)
    assert [fact.run_id for fact in pr.said(WorkflowSuperseded)] == [run]
    (new,) = set(pr.state.runs) - {run}
    pr.read(new, B)
    pr.answer_everything()
    assert pr.outcomes() == {run: RunOutcome.SUPERSEDED, new: RunOutcome.REVIEWED}


def test_a_review_said_late_by_a_run_that_is_over_is_remembered() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, A)
    pr.answer(pr.last_request(run, Stage.AST))
    for stage in (Stage.PR_REVIEW, Stage.FILES_REVIEW):
        pr.answer(pr.last_request(run, stage))
    late = pr.last_request(run, Stage.COMMENTS)
    pr.pass_time(minutes=61)
    pr.answer_everything()
    assert pr.outcomes()[run] is RunOutcome.FAILED
    pr.receive(PullRequestKind.FEEDBACK)
    pr.answer(late)
    assert [(known.head, known.run_id) for known in pr.state.reviewed] == [(A, run)]


def test_a_skipped_reading_of_another_head_ends_the_run_of_the_old_one() -> None:
    pr = PullRequestUnderTest()
    old = pr.receive(hint_head=A)
    pr.read(old, A)
    draft = pr.receive(PullRequestKind.UPDATED, hint_head=B, draft=True)
    pr.read(draft, B, outcome=AnswerOutcome.SKIPPED, reason="draft")
    assert pr.run(old).outcome is RunOutcome.SUPERSEDED
    assert pr.run(draft).reason == "draft"
