"""After all that was stored of a pull request was removed: what stands there was said by us, and is not said again."""

from dataclasses import replace

import pytest

from penstock_commenter.handler import Commenter
from penstock_commenter.identity import forgotten_id, review_id, summary_id
from penstock_contracts.enums import CommentsKind
from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_runtime.steps import CrashAt, Crashed
from penstock_store.rows import EffectState
from tests.unit.penstock_commenter.stage import Stagehand, answer_of, finding
from tests.unit.penstock_commenter.test_nothing_twice import until_answered

COMMENTS, REVIEWS, INLINE = "GET issues/comments", "GET pulls/reviews", "GET pulls/comments"


async def say_and_forget(stage: Stagehand) -> None:
    """As `penstock db forget` leaves it, or the retention of a pull request that rested for a year."""
    await stage.process().requested(await stage.note(CommentsKind.PENDING, run="forgotten"))
    answer_of(await stage.process().requested(await stage.review(finding(5), run="forgotten")))
    stage.store.tables.effects.clear()
    stage.clock.advance(60.0)


@pytest.mark.parametrize("first", ["note", "note without a comment", "review"])
async def test_the_next_push_edits_the_summary_and_says_no_comment_again(stage: Stagehand, first: str) -> None:
    await say_and_forget(stage)
    await stage.push({"more.py": "x = 1\n"})
    if first != "review":
        await stage.process().requested(await stage.note(CommentsKind.PENDING, comment=first == "note"))

    answer = answer_of(await stage.process().requested(await stage.review(finding(5), finding(30))))

    assert (answer.comments, answer.silenced) == (1, 1)
    assert [each.line for each in stage.inline()] == [5, 30]
    (summary,) = stage.comments()
    assert "1 said before still stands" in summary.body
    assert len(stage.reviews()) == 2


@pytest.mark.parametrize("noted", [True, False], ids=["after a note", "at once"])
async def test_a_head_whose_review_was_forgotten_is_not_reviewed_again(stage: Stagehand, noted: bool) -> None:
    await say_and_forget(stage)
    if noted:
        await stage.process().requested(await stage.note(CommentsKind.PENDING))

    answer = answer_of(await stage.process().requested(await stage.review(finding(5))))

    assert answer.review_id == str(stage.reviews()[0].id)
    assert [len(stage.reviews()), len(stage.comments()), len(stage.inline())] == [1, 1, 1]


async def test_a_finding_that_comes_back_only_with_a_later_push_is_known_as_well(stage: Stagehand) -> None:
    await say_and_forget(stage)
    for epoch, found in enumerate((finding(30), finding(5)), start=1):
        await stage.push({"more.py": f"x = {epoch}\n"})
        run = f"run-{epoch}"
        await stage.process().requested(await stage.note(CommentsKind.PENDING, run=run, epoch=epoch))
        await stage.process().requested(await stage.review(found, run=run, epoch=epoch))

    assert [each.line for each in stage.inline()] == [5, 30]
    assert len(stage.comments()) == 1


async def test_a_closing_that_comes_first_does_not_hide_that_something_was_forgotten(stage: Stagehand) -> None:
    await say_and_forget(stage)
    said = stage.comments()[0].body
    await stage.process().requested(await stage.note(CommentsKind.SKIPPED, reason="it is a draft"))
    assert [each.body for each in stage.comments()] == [said]
    await stage.push({"more.py": "x = 1\n"})

    await stage.process().requested(await stage.review(finding(5), finding(30), run="run-2", epoch=2))

    assert [each.line for each in stage.inline()] == [5, 30]
    assert len(stage.comments()) == 1


async def test_with_the_summary_deleted_by_somebody_a_first_review_still_knows_its_comments(stage: Stagehand) -> None:
    await say_and_forget(stage)
    stage.forge.world.delete_comment(stage.repository, stage.comments()[0])
    await stage.push({"more.py": "x = 1\n"})

    await stage.process().requested(await stage.review(finding(5), finding(30)))

    assert [each.line for each in stage.inline()] == [5, 30]
    assert len(stage.comments()) == 1


@pytest.mark.parametrize("point", ["commenter.1.leased", "commenter.2.planned", "commenter.3.begun"])
async def test_killed_while_it_takes_up_what_stands_there_it_still_says_nothing_twice(
    stage: Stagehand, point: str
) -> None:
    await say_and_forget(stage)
    await stage.push({"more.py": "x = 1\n"})
    note, review = await stage.note(CommentsKind.PENDING), await stage.review(finding(5), finding(30))
    for event in (note, review):
        with pytest.raises(Crashed):
            await stage.process(steps=CrashAt(point)).requested(event)
        answer_of(await until_answered(stage, event, "commenter@a:1"))

    assert [each.line for each in stage.inline()] == [5, 30]
    assert (len(stage.comments()), len(stage.reviews())) == (1, 2)


async def test_killed_before_it_took_over_the_summary_it_finds_it_the_next_time(stage: Stagehand) -> None:
    await say_and_forget(stage)
    note = await stage.note(CommentsKind.PENDING)
    await stage.process().requested(note)
    effects = stage.store.tables.effects
    noted = effects[forgotten_id(stage.stream)]
    effects.clear()
    effects[noted.id] = noted

    await stage.process().requested(note)

    assert len(stage.comments()) == 1


@pytest.mark.parametrize("state", [EffectState.PLANNED, EffectState.SENDING])
async def test_killed_while_it_took_over_the_review_it_does_not_submit_another(
    stage: Stagehand, state: EffectState
) -> None:
    await say_and_forget(stage)
    event = await stage.review(finding(5))
    await stage.process().requested(event)
    effects = stage.store.tables.effects
    taken = effects[review_id("run-1")]
    sent_at = taken.sent_at if state is EffectState.SENDING else None
    effects[taken.id] = replace(taken, state=state, sent_at=sent_at)

    answer = answer_of(await until_answered(stage, event))

    assert answer.review_id == str(stage.reviews()[0].id)
    assert len(stage.reviews()) == 1


async def test_what_cannot_be_read_back_is_not_said_for_now(stage: Stagehand) -> None:
    await say_and_forget(stage)
    written = len(stage.writes())
    stage.forge.faults.add(Fault(FaultKind.STATUS, method="GET", path=r"/issues/\d+/comments", status=502, times=99))
    event = await stage.note(CommentsKind.PENDING)

    await stage.process().requested(event)
    assert len(stage.writes()) == written

    stage.forge.faults.clear()
    answer_of(await until_answered(stage, event))
    assert len(stage.comments()) == 1


async def asked_for(stage: Stagehand, commenter: Commenter, *kinds: CommentsKind) -> list[str]:
    """What was read at the platform for these requests of one run."""
    del stage.heard[:]
    for kind in kinds:
        review = kind is CommentsKind.REVIEW
        await commenter.requested(await stage.review(finding(5)) if review else await stage.note(kind))
    return [each for each in stage.heard if each in (COMMENTS, REVIEWS, INLINE)]


async def test_a_pull_request_that_is_new_costs_one_list_of_comments(stage: Stagehand) -> None:
    commenter = stage.process()
    assert await asked_for(stage, commenter, CommentsKind.PENDING) == [COMMENTS]
    # The places of what a review said are read back from the platform in any case.
    assert await asked_for(stage, commenter, CommentsKind.REVIEW) == [INLINE]
    assert await asked_for(stage, commenter, CommentsKind.PENDING, CommentsKind.REVIEW) == []


async def test_where_the_review_comes_first_it_costs_the_list_of_reviews_too(stage: Stagehand) -> None:
    assert await asked_for(stage, stage.process(), CommentsKind.REVIEW) == [COMMENTS, REVIEWS, INLINE]


async def test_a_forgotten_one_costs_two_lists_more_for_each_review(stage: Stagehand) -> None:
    await say_and_forget(stage)
    commenter = stage.process()
    assert await asked_for(stage, commenter, CommentsKind.PENDING) == [COMMENTS]
    assert await asked_for(stage, commenter, CommentsKind.REVIEW) == [REVIEWS, INLINE]
    assert await asked_for(stage, commenter, CommentsKind.REVIEW) == []


async def test_a_mark_that_somebody_copied_is_nothing_forgotten(stage: Stagehand) -> None:
    mark = stage.markers.of(summary_id(stage.stream))
    stage.forge.world.comment(stage.repository, stage.pull, author="mallory", body=f"hello\n\n{mark}")

    await stage.process().requested(await stage.note(CommentsKind.PENDING))

    assert [each.author for each in stage.comments()] == ["mallory", "penstock-bot"]
    assert {row.run_id for row in stage.store.tables.effects.values()} == {"run-1"}
