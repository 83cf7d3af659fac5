"""How one run goes: stages, batches, the join, ends."""

from dataclasses import replace

from penstock_contracts.enums import (
    AnswerOutcome,
    CommentsKind,
    JobStatus,
    PullRequestKind,
    RunOutcome,
    SkipReason,
    Stage,
)
from penstock_contracts.facts import (
    AstCompleted,
    AstRequested,
    CommentsPublished,
    CommentsRequested,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrReviewCompleted,
    StageGivenUp,
    StageReleased,
    StageSkipped,
    Unwanted,
    WorkflowFinished,
)
from penstock_orchestrator.project import status_of
from penstock_orchestrator.state import Phase
from tests.unit.penstock_orchestrator.pull_request import RULES, PullRequestUnderTest, reading


def test_a_pull_request_gets_one_review() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive(hint_head="a" * 40)
    pr.answer_everything()
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.REVIEWED]
    assert pr.comments(run) == [CommentsKind.PENDING, CommentsKind.REVIEW]
    assert status_of(pr.run(run)) is JobStatus.COMPLETED
    assert pr.timers() == ()


def test_the_status_follows_the_run() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    assert status_of(pr.run(run)) is JobStatus.PROCESSING
    pr.read(run)
    assert status_of(pr.run(run)) is JobStatus.WAITING_FOR_EVENT
    job = pr.fold.project(pr.state).jobs[0]
    assert "ast.completed" in job.waiting_for
    assert "pr.review.completed" in job.waiting_for
    assert job.waiting_until is not None


def test_analysis_and_the_review_of_the_whole_start_together_and_the_files_wait_for_the_analysis() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, batches=2)
    assert len(pr.requests(run, Stage.AST)) == len(pr.requests(run, Stage.PR_REVIEW)) == 1
    assert pr.requests(run, Stage.FILES_REVIEW) == []
    pr.answer(pr.last_request(run, Stage.AST), AstCompleted(blob="analysis"))
    batches = [event.fact for event in pr.requests(run, Stage.FILES_REVIEW)]
    assert [fact.ast_blob for fact in batches if isinstance(fact, FilesReviewRequested)] == ["analysis"] * 2


def test_the_files_go_without_an_analysis_that_does_not_answer_in_ten_seconds() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    pr.pass_time(seconds=9)
    assert pr.requests(run, Stage.FILES_REVIEW) == []
    pr.pass_time(seconds=2)
    assert len(pr.said(StageReleased)) == 1
    request = pr.last_request(run, Stage.FILES_REVIEW).fact
    assert isinstance(request, FilesReviewRequested)
    assert request.ast_blob == ""


def test_the_wait_for_the_analysis_is_the_configured_one() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, ast_wait=60.0)
    pr.pass_time(seconds=30)
    assert pr.requests(run, Stage.FILES_REVIEW) == []


def test_no_more_batches_are_out_than_the_window_allows() -> None:
    pr = PullRequestUnderTest(replace(RULES, window=3))
    run = pr.receive()
    pr.read(run, batches=8)
    pr.answer(pr.last_request(run, Stage.AST))
    batches = pr.requests(run, Stage.FILES_REVIEW)
    assert [event.envelope.part for event in batches] == ["0", "1", "2"]
    pr.answer(batches[1])
    assert [event.envelope.part for event in pr.requests(run, Stage.FILES_REVIEW)] == ["0", "1", "2", "3"]


def test_a_batch_that_waits_for_its_retry_keeps_its_place_in_the_window() -> None:
    pr = PullRequestUnderTest(replace(RULES, window=2))
    run = pr.receive()
    pr.read(run, batches=4)
    pr.answer(pr.last_request(run, Stage.AST))
    pr.fail(pr.requests(run, Stage.FILES_REVIEW)[0])
    assert len(pr.requests(run, Stage.FILES_REVIEW)) == 2


def test_the_join_fires_once_when_all_parts_have_answered_in_any_order() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, batches=3)
    pr.answer(pr.last_request(run, Stage.AST))
    for request in reversed(pr.requests(run, Stage.FILES_REVIEW)):
        assert CommentsKind.REVIEW not in pr.comments(run)
        pr.answer(request, FilesReviewCompleted(blob=request.envelope.part))
    assert CommentsKind.REVIEW not in pr.comments(run)
    pr.answer(pr.last_request(run, Stage.PR_REVIEW))
    assert pr.comments(run).count(CommentsKind.REVIEW) == 1
    review = pr.last_request(run, Stage.COMMENTS).fact
    assert isinstance(review, CommentsRequested)
    parts = {(part.stage, part.part): part.blob for part in review.parts}
    assert parts[Stage.FILES_REVIEW, "2"] == "2"
    assert len(parts) == 5
    assert not review.partial


def test_a_batch_given_up_makes_the_review_partial() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, batches=2)
    pr.answer(pr.last_request(run, Stage.AST))
    for _ in range(3):
        first = [event for event in pr.requests(run, Stage.FILES_REVIEW) if event.envelope.part == "0"][-1]
        pr.fail(first)
        pr.pass_time(seconds=60)
    pr.answer_everything()
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.PARTIAL]
    review = pr.last_request(run, Stage.COMMENTS).fact
    assert isinstance(review, CommentsRequested)
    assert review.partial
    assert {part.outcome for part in review.parts if part.part == "0"} == {"given_up"}


def test_an_analysis_given_up_leaves_the_review_whole() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    for _ in range(3):
        pr.fail(pr.last_request(run, Stage.AST))
        pr.pass_time(seconds=60)
    pr.answer_everything()
    assert [fact.stage for fact in pr.said(StageGivenUp)] == [Stage.AST]
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.REVIEWED]


def test_without_a_model_the_run_still_ends_reviewed() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    pr.answer(pr.last_request(run, Stage.AST))
    no_model = {"outcome": AnswerOutcome.SKIPPED, "reason": SkipReason.NO_MODEL}
    pr.answer(pr.last_request(run, Stage.PR_REVIEW), PrReviewCompleted(**no_model))  # type: ignore[arg-type]
    pr.answer(pr.last_request(run, Stage.FILES_REVIEW), FilesReviewCompleted(**no_model))  # type: ignore[arg-type]
    pr.answer_everything()
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.REVIEWED]


def test_without_a_model_and_without_the_analysis_nobody_looked_and_the_review_is_partial() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    for _ in range(3):
        pr.fail(pr.last_request(run, Stage.AST))
        pr.pass_time(seconds=60)
    no_model = {"outcome": AnswerOutcome.SKIPPED, "reason": SkipReason.NO_MODEL}
    pr.answer(pr.last_request(run, Stage.PR_REVIEW), PrReviewCompleted(**no_model))  # type: ignore[arg-type]
    pr.answer(pr.last_request(run, Stage.FILES_REVIEW), FilesReviewCompleted(**no_model))  # type: ignore[arg-type]
    pr.answer_everything()
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.PARTIAL]


def test_a_stage_that_is_not_wanted_is_not_asked_for_and_the_history_says_why() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run, unwanted=(Unwanted(Stage.AST, "no file with a grammar"), Unwanted(Stage.FILES_REVIEW, "off")))
    assert pr.requests(run, Stage.AST) == []
    assert pr.requests(run, Stage.FILES_REVIEW) == []
    assert [fact.reason for fact in pr.said(StageSkipped)] == ["no file with a grammar", "off"]
    rows = {row.stage: row for row in pr.fold.project(pr.state).executions}
    assert (rows[Stage.AST].state, rows[Stage.AST].reason) == ("skipped", "no file with a grammar")
    pr.answer_everything()
    assert [fact.outcome for fact in pr.said(WorkflowFinished)] == [RunOutcome.REVIEWED]


def test_a_change_without_anything_to_review_is_skipped_and_says_so_when_asked_to() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.answer(
        pr.last_request(run, Stage.PREPARE),
        reading(outcome=AnswerOutcome.SKIPPED, reason="no reviewable changes", announce=True),
    )
    assert pr.comments(run) == [CommentsKind.SKIPPED]
    pr.answer_everything()
    (finished,) = pr.said(WorkflowFinished)
    assert (finished.outcome, finished.reason) == (RunOutcome.SKIPPED, "no reviewable changes")


def test_a_pull_request_found_closed_is_skipped_silently() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    for _ in ("read", "read again"):
        pr.answer(pr.last_request(run, Stage.PREPARE), reading(closed=True, outcome=AnswerOutcome.SKIPPED))
        pr.pass_time(seconds=5)
    assert pr.comments(run) == []
    assert pr.said(WorkflowFinished)[0].reason == SkipReason.CLOSED


def test_the_run_is_over_only_when_its_last_comments_request_is_answered() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    pending = pr.last_request(run, Stage.COMMENTS)
    for stage in (Stage.AST, Stage.PR_REVIEW, Stage.FILES_REVIEW):
        pr.answer(pr.last_request(run, stage))
    pr.answer(pr.last_request(run, Stage.COMMENTS))
    assert pr.run(run).phase is Phase.PUBLISHING
    pr.answer(pending, CommentsPublished(kind=CommentsKind.PENDING))
    assert pr.run(run).finished


def test_every_request_carries_run_stage_part_attempt_epoch_and_deadline() -> None:
    pr = PullRequestUnderTest()
    run = pr.receive()
    pr.read(run)
    request = pr.last_request(run, Stage.AST)
    assert isinstance(request.fact, AstRequested)
    envelope = request.envelope
    assert (envelope.workflow_id, envelope.stage, envelope.attempt, envelope.epoch) == (run, Stage.AST, 1, 1)
    assert envelope.not_after is not None
    assert envelope.correlation_id == "d1"
    assert len({event.envelope.id for event in pr.stored}) == len(pr.stored)


def test_a_second_delivery_of_the_same_command_opens_no_second_run() -> None:
    pr = PullRequestUnderTest()
    first = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1")
    second = pr.receive(PullRequestKind.COMMAND, command="review", comment_id="c1")
    assert first
    assert not second
