"""Attempts, deadlines, giving up, and what people may ask."""

import pytest

from penstock_contracts.enums import (
    CommentsKind,
    ControlAction,
    ErrorClassification,
    ExecutionState,
    JobStatus,
    PullRequestKind,
    RunOutcome,
    Stage,
)
from penstock_contracts.facts import (
    AttemptScheduled,
    CommentsRequested,
    StageGivenUp,
    WorkflowFinished,
    WorkflowStalled,
)
from penstock_orchestrator.project import status_of
from penstock_orchestrator.state import HEAVY, Phase
from tests.unit.penstock_orchestrator.pull_request import PullRequestUnderTest


def reviewing(batches: int = 1) -> tuple[PullRequestUnderTest, str]:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, batches=batches)
    return pr, run


def test_a_failed_attempt_is_asked_again_when_its_timer_fires() -> None:
    pr, run = reviewing()
    pr.fail(pr.last_request(run, Stage.AST))
    assert [row.attempt for row in pr.said(AttemptScheduled)] == [2]
    assert len(pr.requests(run, Stage.AST)) == 1
    pr.pass_time(seconds=2)
    assert [event.envelope.attempt for event in pr.requests(run, Stage.AST)] == [1, 2]


def test_retry_after_is_obeyed() -> None:
    pr, run = reviewing()
    pr.fail(pr.last_request(run, Stage.PR_REVIEW), ErrorClassification.RATE_LIMITED, retry_after=90.0)
    pr.pass_time(seconds=80)
    assert len(pr.requests(run, Stage.PR_REVIEW)) == 1
    pr.pass_time(seconds=11)
    assert len(pr.requests(run, Stage.PR_REVIEW)) == 2


@pytest.mark.parametrize(
    ("error_class", "attempts"),
    [
        (ErrorClassification.PERMANENT, 1),
        (ErrorClassification.POISON, 1),
        (ErrorClassification.UNKNOWN, 2),
        (ErrorClassification.TRANSIENT, 3),
        (ErrorClassification.RATE_LIMITED, 3),
    ],
)
def test_how_often_a_part_is_asked_depends_on_why_it_failed(error_class: ErrorClassification, attempts: int) -> None:
    pr, run = reviewing()
    while pr.run(run).phase is Phase.REVIEWING and not pr.run(run).parts["ast:"].resolved:
        pr.fail(pr.last_request(run, Stage.AST), error_class)
        pr.pass_time(seconds=40)
    assert len(pr.requests(run, Stage.AST)) == attempts


def test_the_number_of_an_attempt_beyond_the_schedule_of_its_failure_stands_alone() -> None:
    pr, run = reviewing()
    pr.fail(pr.last_request(run, Stage.AST))
    pr.pass_time(seconds=60)
    pr.fail(pr.last_request(run, Stage.AST), ErrorClassification.PERMANENT)
    (given_up,) = pr.said(StageGivenUp)
    assert (given_up.attempt, given_up.maximum) == (2, 1)
    assert given_up.reason == "attempt 2 failed (permanent): it broke"


def test_a_failure_of_an_older_attempt_counts_for_nothing_but_its_success_completes_the_part() -> None:
    pr, run = reviewing()
    first = pr.last_request(run, Stage.AST)
    pr.control(ControlAction.PAUSE, run)
    pr.control(ControlAction.RESUME, run)
    assert pr.last_request(run, Stage.AST).envelope.attempt == 2
    pr.answer(first)
    part = pr.run(run).parts["ast:"]
    assert (part.state, part.completed_by) == ("done", 1)
    rows = {row.attempt: row.state for row in pr.fold.project(pr.state).executions if row.stage is Stage.AST}
    assert rows == {1: ExecutionState.ANSWERED, 2: ExecutionState.WITHDRAWN}


def test_prepare_given_up_fails_the_run_without_a_word_because_it_had_said_nothing() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.fail(pr.last_request(run, Stage.PREPARE), ErrorClassification.PERMANENT)
    assert pr.run(run).outcome is RunOutcome.FAILED
    assert pr.run(run).error_class is ErrorClassification.PERMANENT
    assert pr.comments(run) == []
    assert status_of(pr.run(run)) is JobStatus.FAILED


def test_prepare_given_up_is_told_on_the_head_that_its_webhook_named() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive(hint_head="c" * 40)
    pr.fail(pr.last_request(run, Stage.PREPARE), ErrorClassification.PERMANENT)
    closing = pr.last_request(run, Stage.COMMENTS).fact
    assert isinstance(closing, CommentsRequested)
    assert (closing.kind, closing.head) == (CommentsKind.FAILED, "c" * 40)
    assert "prepare was given up" in closing.reason
    pr.answer_everything()
    assert pr.run(run).finished


def test_that_a_head_could_not_be_read_is_not_told_on_the_older_one_that_a_lagging_platform_gave() -> None:
    pr, _ = reviewing()
    pr.answer_everything()
    run = pr.receive(PullRequestKind.UPDATED, hint_head="c" * 40)
    pr.read(run, head="a" * 40)
    pr.pass_time(seconds=10)
    pr.fail(pr.last_request(run, Stage.PREPARE), ErrorClassification.PERMANENT)
    closing = pr.last_request(run, Stage.COMMENTS).fact
    assert isinstance(closing, CommentsRequested)
    assert (closing.kind, closing.head) == (CommentsKind.FAILED, "c" * 40)


def test_a_review_that_was_given_up_asks_for_one_closing_and_fails_the_run() -> None:
    pr, run = reviewing()
    pr.answer(pr.last_request(run, Stage.AST))
    for event in pr.open_requests():
        pr.answer(event)
    pr.fail(pr.last_request(run, Stage.COMMENTS), ErrorClassification.PERMANENT)
    assert pr.comments(run) == [CommentsKind.PENDING, CommentsKind.REVIEW, CommentsKind.FAILED]
    assert not pr.run(run).finished
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.FAILED


def test_a_closing_that_is_given_up_ends_the_run() -> None:
    pr, run = reviewing()
    pr.control(ControlAction.CANCEL, run)
    pr.answer(pr.requests(run, Stage.COMMENTS)[0])
    closing = pr.last_request(run, Stage.COMMENTS)
    assert closing.envelope.not_after is None
    pr.pass_time(minutes=61)
    assert pr.run(run).finished
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.CANCELLED


def test_a_part_without_an_answer_is_given_up_at_its_deadline_and_not_asked_again() -> None:
    pr, run = reviewing()
    pr.pass_time(seconds=11)
    pr.pass_time(minutes=60)
    assert {part.state for part in pr.run(run).parts.values() if part.stage in HEAVY} == {"given_up"}
    assert len(pr.requests(run, Stage.AST)) == 1
    assert pr.run(run).phase is Phase.PUBLISHING


def test_at_the_deadline_of_the_run_open_and_unasked_batches_are_given_up_together() -> None:
    pr, run = reviewing(batches=60)
    pr.pass_time(seconds=11)
    pr.answer(pr.last_request(run, Stage.PR_REVIEW))
    for _ in range(39):
        pr.pass_time(minutes=3)
        pr.answer(next(event for event in pr.open_requests() if event.envelope.stage == Stage.FILES_REVIEW))
    assert pr.run(run).phase is Phase.REVIEWING
    pr.pass_time(minutes=3)
    assert pr.run(run).phase is Phase.PUBLISHING
    request = pr.last_request(run, Stage.COMMENTS).fact
    assert isinstance(request, CommentsRequested)
    outcomes = [part.outcome for part in request.parts if part.stage is Stage.FILES_REVIEW]
    assert (outcomes.count("ok"), outcomes.count("given_up")) == (39, 21)
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.PARTIAL


def test_a_run_that_never_gets_past_prepare_fails_at_its_deadline() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.pass_time(minutes=61)
    assert pr.run(run).outcome is RunOutcome.FAILED


def test_cancel_ends_the_run_says_its_closing_and_does_not_grow_the_epoch() -> None:
    pr, run = reviewing()
    pr.control(ControlAction.CANCEL, run)
    assert pr.state.epoch == 1
    assert pr.comments(run) == [CommentsKind.PENDING, CommentsKind.CANCELLED]
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.CANCELLED
    assert status_of(pr.run(run)) is JobStatus.CANCELLED


def test_while_paused_what_was_asked_may_finish_and_nothing_new_is_asked() -> None:
    pr, run = reviewing()
    pr.control(ControlAction.PAUSE, run)
    assert status_of(pr.run(run)) is JobStatus.WAITING_FOR_EVENT
    before = len(pr.requests(run))
    pr.answer(pr.last_request(run, Stage.AST))
    pr.pass_time(hours=30)
    assert len(pr.requests(run)) == before
    assert pr.run(run).parts["ast:"].state == "done"


def test_resume_asks_every_open_part_again_with_fresh_deadlines() -> None:
    pr, run = reviewing()
    pr.control(ControlAction.PAUSE, run)
    pr.pass_time(hours=30)
    pr.control(ControlAction.RESUME, run)
    again = pr.last_request(run, Stage.PR_REVIEW).envelope
    assert again.attempt == 2
    assert again.not_after is not None
    assert again.not_after > pr.now
    assert pr.run(run).due > pr.now
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.REVIEWED


def test_a_retry_that_fell_due_while_paused_is_asked_after_the_resume() -> None:
    pr, run = reviewing()
    pr.fail(pr.last_request(run, Stage.AST))
    pr.control(ControlAction.PAUSE, run)
    pr.pass_time(minutes=5)
    assert len(pr.requests(run, Stage.AST)) == 1
    pr.control(ControlAction.RESUME, run)
    pr.pass_time(seconds=0)
    assert len(pr.requests(run, Stage.AST)) == 2


def test_a_run_that_nobody_resumes_is_cancelled_after_a_week() -> None:
    pr, run = reviewing()
    pr.control(ControlAction.PAUSE, run)
    pr.pass_time(days=8)
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.CANCELLED


def test_a_paused_run_is_superseded_like_any_other() -> None:
    pr, run = reviewing()
    pr.control(ControlAction.PAUSE, run)
    pr.read(pr.receive(PullRequestKind.UPDATED), "f" * 40)
    assert pr.comments(run)[-1] is CommentsKind.SUPERSEDED


def test_a_person_may_retry_a_heavy_part_that_was_given_up() -> None:
    pr, run = reviewing()
    pr.fail(pr.last_request(run, Stage.AST), ErrorClassification.PERMANENT)
    pr.control(ControlAction.RETRY, run, stage="ast")
    assert pr.last_request(run, Stage.AST).envelope.attempt == 2
    assert pr.run(run).parts["ast:"].state == "open"


def test_what_a_person_retries_while_its_run_is_paused_is_asked_after_the_resume() -> None:
    pr, run = reviewing()
    pr.fail(pr.last_request(run, Stage.AST), ErrorClassification.PERMANENT)
    pr.control(ControlAction.PAUSE, run)
    before = len(pr.requests(run))
    pr.control(ControlAction.RETRY, run, stage="ast")
    assert len(pr.requests(run)) == before
    pr.control(ControlAction.RESUME, run)
    pr.pass_time(seconds=0)
    assert pr.last_request(run, Stage.AST).envelope.attempt == 2


@pytest.mark.parametrize("stage", ["prepare", "comments", "nonsense", ""])
def test_nothing_else_can_be_retried(stage: str) -> None:
    pr, run = reviewing()
    before = len(pr.requests(run))
    pr.control(ControlAction.RETRY, run, stage=stage)
    assert len(pr.requests(run)) == before
    assert pr.stored[-1].fact.TYPE == "answer.ignored"


def test_a_re_review_is_a_new_run() -> None:
    pr, run = reviewing()
    pr.answer_everything()
    pr.control(ControlAction.RE_REVIEW, run)
    (new,) = pr.state.open_runs()
    pr.read(new.id)
    pr.answer_everything()
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.REVIEWED] * 2


def test_controls_on_a_run_that_is_over_are_ignored() -> None:
    pr, run = reviewing()
    pr.answer_everything()
    pr.control(ControlAction.CANCEL, run)
    assert pr.stored[-1].fact.TYPE == "answer.ignored"


def test_the_commands_pause_and_resume_stop_and_start_automatic_reviews() -> None:
    pr, run = reviewing()
    pr.receive(PullRequestKind.COMMAND, command="pause", sender="ada", comment_id="c1")
    assert pr.run(run).paused_at is not None
    assert pr.receive(PullRequestKind.UPDATED, hint_head="f" * 40) == ""
    pr.receive(PullRequestKind.COMMAND, command="resume", sender="ada", comment_id="c2")
    assert pr.receive(PullRequestKind.UPDATED, hint_head="e" * 40)


def pushed_during_a_pause(pr: PullRequestUnderTest) -> str:
    """The run that the end of the pause opens, when all has been answered."""
    pr.receive(PullRequestKind.COMMAND, command="pause", sender="ada", comment_id="c1")
    assert pr.receive(PullRequestKind.UPDATED, hint_head="f" * 40) == ""
    caught_up = pr.receive(PullRequestKind.COMMAND, command="resume", sender="ada", comment_id="c2")
    pr.read(caught_up, head="f" * 40)
    pr.answer_everything()
    return caught_up


def test_what_was_pushed_during_a_pause_is_read_when_it_ends() -> None:
    pr, run = reviewing()
    pr.answer_everything()
    assert pr.run(run).finished
    caught_up = pushed_during_a_pause(pr)
    assert pr.run(caught_up).outcome is RunOutcome.REVIEWED


def test_what_was_pushed_during_a_pause_takes_the_place_of_the_run_that_goes_on() -> None:
    pr, run = reviewing()
    caught_up = pushed_during_a_pause(pr)
    assert pr.run(run).outcome is RunOutcome.SUPERSEDED
    assert pr.run(caught_up).outcome is RunOutcome.REVIEWED


def test_a_run_goes_on_after_a_pause_in_which_nothing_was_pushed() -> None:
    pr, run = reviewing()
    pr.receive(PullRequestKind.COMMAND, command="pause", sender="ada", comment_id="c1")
    assert pr.receive(PullRequestKind.COMMAND, command="resume", sender="ada", comment_id="c2") == ""
    pr.answer_everything()
    assert pr.run(run).outcome is RunOutcome.REVIEWED


def test_a_resume_without_a_pause_reads_nothing() -> None:
    pr, _ = reviewing()
    pr.answer_everything()
    assert pr.receive(PullRequestKind.COMMAND, command="resume", sender="ada", comment_id="c1") == ""


def test_an_event_that_cannot_be_applied_leaves_a_visible_stall() -> None:
    pr, run = reviewing()
    request = pr.last_request(run, Stage.AST)
    answer = pr.answer_to(request)
    for stored in pr.fold.stall(pr.state, answer, "ValueError: no", "redrive it", pr.now):
        pr.state = pr.fold.evolve(pr.state, stored)
        pr.stored.append(stored)
    (stalled,) = pr.said(WorkflowStalled)
    assert (stalled.event_id, stalled.stage, stalled.remedy) == (answer.envelope.id, "ast", "redrive it")
    assert answer.envelope.id in pr.fold.project(pr.state).jobs[0].waiting_for


def test_a_redriven_event_clears_its_stall_and_the_run_goes_on() -> None:
    pr, run = reviewing()
    answer = pr.answer_to(pr.last_request(run, Stage.AST))
    for stored in pr.fold.stall(pr.state, answer, "ValueError: no", "redrive it", pr.now):
        pr.state = pr.fold.evolve(pr.state, stored)
        pr.stored.append(stored)
    pr.apply(answer)
    assert pr.state.stalled == ()
    assert len({event.envelope.id for event in pr.stored}) == len(pr.stored)
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.REVIEWED


@pytest.mark.parametrize("command", ["review", "full review", "pause", "resume", "cancel"])
def test_a_stranger_s_command_is_recorded_and_does_nothing(command: str) -> None:
    pr, run = reviewing()
    before = len(pr.requests())
    opened = pr.receive(PullRequestKind.COMMAND, command=command, comment_id="c1", sender_association="NONE")
    assert not opened
    assert len(pr.requests()) == before
    assert pr.run(run).paused_at is None
    assert not pr.run(run).ending
    assert not pr.state.automatic_paused


@pytest.mark.parametrize("late", [False, True])
def test_what_is_to_be_said_again_is_said_after_a_pause_also_when_its_timer_fired_meanwhile(late: bool) -> None:
    pr, run = reviewing()
    pr.answer(pr.last_request(run, Stage.AST))
    for event in pr.open_requests():
        pr.answer(event)
    pr.fail(pr.last_request(run, Stage.COMMENTS), retry_after=30.0)
    (timer,) = (row for row in pr.timers() if row.kind == "attempt")
    pr.control(ControlAction.PAUSE, run)
    pr.pass_time(minutes=10)
    if late:  # a scanner had read it before the pause
        pr.fire(timer)
    pr.control(ControlAction.RESUME, run)
    pr.pass_time(seconds=0)
    pr.answer_everything()
    assert pr.said(WorkflowFinished)[0].outcome is RunOutcome.REVIEWED
