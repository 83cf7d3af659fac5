"""After a backup was put back: what was said since is found at the platform, and not said again."""

from collections.abc import Mapping

import pytest

from penstock_commenter.identity import summary_id
from penstock_contracts.enums import CommentsKind
from penstock_runtime.steps import CrashAt, Crashed
from penstock_store.rows import EffectKind, EffectRow, EffectState
from tests.unit.penstock_commenter.stage import Stagehand, answer_of, finding
from tests.unit.penstock_commenter.test_nothing_twice import assert_said_once

Ledger = Mapping[str, EffectRow]


def backup(stage: Stagehand) -> Ledger:
    return dict(stage.store.tables.effects)


async def put_back(stage: Stagehand, ledger: Ledger) -> None:
    """The ledger as it was; the platform goes on from where it is."""
    stage.store.tables.effects.clear()
    stage.store.tables.effects.update(ledger)
    stage.clock.advance(60.0)
    await stage.store.restoring.begin_again([], None)


async def test_a_review_that_the_ledger_forgot_is_not_submitted_again(stage: Stagehand) -> None:
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    before = backup(stage)
    event = await stage.review(finding(5), finding(30))
    first = answer_of(await stage.process().requested(event))
    await put_back(stage, before)

    again = answer_of(await stage.process().requested(event))

    assert (again.review_id, again.comments) == (first.review_id, first.comments)
    assert_said_once(stage)


async def test_an_empty_ledger_finds_the_summary_and_edits_it(stage: Stagehand) -> None:
    event = await stage.review(finding(5), finding(30))
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    await stage.process().requested(event)
    await put_back(stage, {})

    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    await stage.process().requested(event)

    assert_said_once(stage)
    assert "2 findings" in stage.comments()[0].body


async def test_an_effect_that_was_planned_when_the_backup_was_taken_is_looked_for_as_well(stage: Stagehand) -> None:
    event = await stage.review(finding(5), finding(30))
    with pytest.raises(Crashed):
        await stage.process(steps=CrashAt("commenter.2.planned")).requested(event)
    before = backup(stage)
    assert {row.state for row in before.values()} == {EffectState.PLANNED}
    await stage.process().requested(event)
    await put_back(stage, before)

    await stage.process().requested(event)

    assert_said_once(stage)


async def test_what_a_forgotten_run_said_on_a_line_is_not_said_by_the_next(stage: Stagehand) -> None:
    await stage.process().requested(await stage.review(finding(5), run="forgotten"))
    await stage.push({"more.py": "x = 1\n"})
    await put_back(stage, {})

    answer = answer_of(await stage.process().requested(await stage.review(finding(5), finding(30), epoch=2)))

    assert [each.line for each in stage.inline()] == [5, 30]
    assert (answer.comments, answer.silenced) == (1, 1)
    assert len(stage.comments()) == 1


async def test_a_head_that_a_forgotten_run_reviewed_is_not_reviewed_by_another(stage: Stagehand) -> None:
    """Done again, the work of a lost time may fall to another run of the same head."""
    forgotten = answer_of(await stage.process().requested(await stage.review(finding(5), run="forgotten")))
    await put_back(stage, {})

    answer = answer_of(await stage.process().requested(await stage.review(finding(5), finding(30))))

    assert answer.review_id == forgotten.review_id
    assert (len(stage.reviews()), len(stage.inline())) == (1, 1)
    assert "Line 30 is wrong" in stage.comments()[0].body


async def test_a_run_done_again_reviews_the_head_that_was_pushed_since_it_was_forgotten(stage: Stagehand) -> None:
    """Done again, it has the same id, so its forgotten review bears its mark."""
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    before = backup(stage)
    await stage.process().requested(await stage.review(finding(5)))
    await stage.push({"more.py": "x = 1\n"})
    await put_back(stage, before)

    answer_of(await stage.process().requested(await stage.review(finding(5), finding(30))))

    assert [review.commit for review in stage.reviews()][1:] == [stage.pull.head]
    assert [each.line for each in stage.inline()] == [5, 30]


async def test_a_review_that_is_known_does_not_stand_in_the_way_of_a_second_one(stage: Stagehand) -> None:
    """As when somebody asks for a re-review of the same head."""
    await stage.process().requested(await stage.review(finding(5)))
    await put_back(stage, backup(stage))

    await stage.process().requested(await stage.review(finding(5), finding(30), run="run-2", epoch=2))

    assert [each.line for each in stage.inline()] == [5, 30]
    assert len(stage.reviews()) == 2


async def test_a_forgotten_note_is_closed_with_the_run_that_wrote_it(stage: Stagehand) -> None:
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    await put_back(stage, {})

    await stage.process().requested(await stage.note(CommentsKind.CANCELLED))

    (comment,) = stage.comments()
    assert "under way" not in comment.body


async def test_a_forgotten_result_is_left_alone_by_a_closing(stage: Stagehand) -> None:
    await stage.process().requested(await stage.review(finding(5), run="forgotten"))
    said = stage.comments()[0].body
    await put_back(stage, {})

    await stage.process().requested(await stage.note(CommentsKind.CANCELLED))

    assert [each.body for each in stage.comments()] == [said]
    assert stage.store.tables.effects[summary_id(stage.stream)].external_id == str(stage.comments()[0].id)


async def test_without_a_restoration_a_ledger_that_knows_anything_is_believed(stage: Stagehand) -> None:
    await stage.process().requested(await stage.review(finding(5), run="before"))
    effects = stage.store.tables.effects
    for row in [row for row in effects.values() if row.kind in (EffectKind.REVIEW, EffectKind.INLINE)]:
        del effects[row.id]

    await stage.process().requested(await stage.review(finding(5)))

    assert len(stage.reviews()) == 2
