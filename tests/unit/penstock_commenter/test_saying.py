"""What a request comes to at the platform, when nothing goes wrong."""

from dataclasses import replace

import pytest

from penstock_changes.documents import ReviewConfig
from penstock_changes.findings import Severity
from penstock_contracts.enums import AnswerOutcome, CommentsKind, ErrorClassification, SkipReason
from penstock_eventlog.outcomes import Failed, Skip
from tests.unit.penstock_commenter.stage import Stagehand, answer_of, finding


async def test_a_review_is_one_review_with_its_comments_one_summary_and_a_status(stage: Stagehand) -> None:
    outcome = await stage.process().requested(await stage.review(finding(5), finding(30)))

    answer = answer_of(outcome)
    assert (answer.outcome, answer.comments, answer.verdict) == (AnswerOutcome.OK, 2, "COMMENT")
    assert answer.review_id == str(stage.reviews()[0].id)
    assert [len(stage.reviews()), len(stage.comments()), len(stage.inline())] == [1, 1, 2]
    assert [(each.path, each.line) for each in stage.inline()] == [("app.py", 5), ("app.py", 30)]
    assert stage.status() == "success"
    assert "2 findings" in stage.statuses()[-1].description
    assert {each.name for each in answer.stages} == {"aggregate", "review_comments", "summary", "status"}


async def test_a_review_without_findings_is_a_summary_and_a_status(stage: Stagehand) -> None:
    await stage.process().requested(await stage.review())
    assert (len(stage.reviews()), len(stage.comments()), stage.status()) == (0, 1, "success")


async def test_the_pending_summary_becomes_the_review_in_place(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.note(CommentsKind.PENDING))
    assert stage.status() == "pending"
    (pending,) = stage.comments()
    assert "Reviewing" in pending.body

    await commenter.requested(await stage.review(finding()))
    (summary,) = stage.comments()
    assert summary.id == pending.id
    assert "1 finding" in summary.body


async def test_without_an_initial_comment_the_note_is_a_status_only(stage: Stagehand) -> None:
    await stage.process().requested(await stage.note(CommentsKind.PENDING, comment=False))
    assert (stage.comments(), stage.status()) == ([], "pending")


async def test_a_note_that_comes_after_the_review_writes_nothing(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.review(finding()))
    written = len(stage.writes())

    answer = answer_of(await commenter.requested(await stage.note(CommentsKind.PENDING)))

    assert answer.outcome is AnswerOutcome.OK
    assert len(stage.writes()) == written
    assert stage.status() == "success"


async def test_the_note_of_a_later_run_leaves_the_result_of_the_earlier_one_standing(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.review(finding()))
    await commenter.requested(await stage.note(CommentsKind.PENDING, run="run-2", epoch=2))
    assert "1 finding" in stage.comments()[0].body
    assert stage.status() == "pending"


async def test_a_late_note_of_an_older_epoch_does_not_reopen_the_status(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.review(finding(), run="run-2", epoch=2))
    await commenter.requested(await stage.note(CommentsKind.PENDING, run="run-1", epoch=1))
    assert stage.status() == "success"
    assert "1 finding" in stage.comments()[0].body


async def test_a_closing_closes_the_pending_note_of_its_run(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.note(CommentsKind.PENDING))
    await commenter.requested(await stage.note(CommentsKind.CANCELLED, reason="alice asked for it"))
    (comment,) = stage.comments()
    assert "cancelled: alice asked for it" in comment.body
    assert stage.status() == "success"
    assert "cancelled" in stage.statuses()[-1].description


async def test_a_closing_of_a_run_that_wrote_no_comment_writes_none(stage: Stagehand) -> None:
    await stage.process().requested(await stage.note(CommentsKind.SKIPPED, reason="automatic review is off"))
    assert stage.comments() == []
    assert stage.statuses()[-1].description == "Skipped: automatic review is off"


async def test_a_closing_does_not_touch_the_summary_of_another_run(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.note(CommentsKind.PENDING))
    await commenter.requested(await stage.note(CommentsKind.PENDING, run="run-2", epoch=2))
    body = stage.comments()[0].body
    await commenter.requested(await stage.note(CommentsKind.SUPERSEDED, run="run-1", epoch=1))
    assert stage.comments()[0].body == body
    assert stage.status() == "pending"


async def test_a_closing_neither_asks_whether_it_is_wanted_nor_reads_the_head(stage: Stagehand) -> None:
    event = await stage.note(CommentsKind.FAILED, reason="the model is away")
    stage.store.tables.executions.clear()
    before = stage.pull.head
    await stage.push({"more.py": "x = 1\n"})

    answer_of(await stage.process().requested(event))

    assert stage.status(before) == "success"
    assert "The review failed" in stage.statuses(before)[-1].description


async def test_a_review_comes_after_a_closing_of_the_same_epoch_and_wins(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.note(CommentsKind.PENDING))
    await commenter.requested(await stage.note(CommentsKind.CANCELLED))
    await commenter.requested(await stage.review(finding()))
    assert "1 finding" in stage.comments()[0].body
    await commenter.requested(await stage.note(CommentsKind.FAILED))
    assert "1 finding" in stage.comments()[0].body


async def test_a_head_that_moved_is_answered_and_nothing_is_posted(stage: Stagehand) -> None:
    event = await stage.review(finding())
    await stage.push({"more.py": "x = 1\n"})

    answer = answer_of(await stage.process().requested(event))

    assert (answer.outcome, answer.reason, answer.head) == (
        AnswerOutcome.SKIPPED,
        SkipReason.HEAD_MOVED,
        stage.pull.head,
    )
    assert stage.writes() == ()


async def test_work_that_is_not_wanted_any_more_is_skipped_without_a_word(stage: Stagehand) -> None:
    event = await stage.review(finding())
    stage.store.tables.executions.clear()
    assert isinstance(await stage.process().requested(event), Skip)
    assert stage.writes() == ()


async def test_what_was_said_on_an_earlier_head_is_not_said_again(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.review(finding(5)))
    await stage.push({"more.py": "x = 1\n"})

    answer = answer_of(await commenter.requested(await stage.review(finding(5), finding(30), run="run-2", epoch=2)))

    assert (answer.comments, answer.silenced) == (1, 1)
    assert [each.line for each in stage.inline()] == [5, 30]
    assert len(stage.reviews()) == 2
    assert "1 said before still stands" in stage.comments()[0].body


async def test_the_verdict_is_the_configured_one_and_the_status_follows(stage: Stagehand) -> None:
    config = ReviewConfig(request_changes_at=Severity.HIGH)
    answer = answer_of(await stage.process().requested(await stage.review(finding(), config=config)))
    assert answer.verdict == "REQUEST_CHANGES"
    assert stage.reviews()[0].state == "CHANGES_REQUESTED"
    assert stage.status() == "failure"


async def test_a_clean_change_is_approved_where_configured(stage: Stagehand) -> None:
    config = ReviewConfig(approve_when_clean=True)
    await stage.process().requested(await stage.review(config=config))
    assert stage.reviews()[0].state == "APPROVED"


async def test_secrets_are_hidden_in_everything_that_is_said(stage: Stagehand) -> None:
    told = finding(message="the password hunter2 is in the code", suggestion="password = 'hunter2'", title="hunter2")
    await stage.process().requested(await stage.review(told, finding(99, title="hunter2 again")))
    texts = [each.body for said in (stage.comments(), stage.reviews(), stage.inline()) for each in said]
    assert texts
    assert not any("hunter2" in text for text in texts)


REQUESTS = (CommentsKind.PENDING, CommentsKind.REVIEW, CommentsKind.FAILED)


@pytest.mark.parametrize("kind", REQUESTS)
async def test_nothing_is_said_in_a_repository_that_took_the_name_of_the_one_that_was_asked_for(
    stage: Stagehand, kind: CommentsKind
) -> None:
    event = await stage.review(finding()) if kind is CommentsKind.REVIEW else await stage.note(kind)
    world = stage.forge.world
    world.rename_repository(stage.repository, "acme/store")
    other = await world.create_repository(stage.repository.name, {"app.py": "x\n"})
    theirs = await world.open_pull_request(other, title="Of another", files={"app.py": "y\n"})
    assert theirs.number == stage.pull.number

    assert answer_of(await stage.process().requested(event)).outcome is AnswerOutcome.OK
    assert stage.status() != ""
    assert {each.repository for each in stage.forge.ledger.entries()} == {"acme/store"}


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_repository_that_is_gone_is_a_permanent_failure_though_another_bears_its_name(
    stage: Stagehand, kind: CommentsKind
) -> None:
    stage.repository = replace(stage.repository, id=987654321)
    asked = replace((await stage.note(kind)).fact, pull_request=stage.ref)

    outcome = await stage.process().requested(stage.asked(asked, run="run-1", epoch=1))

    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClassification.PERMANENT
    assert stage.writes() == ()
