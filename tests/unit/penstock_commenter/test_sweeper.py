"""What was said twice all the same is taken back: by who knows of it, and after a kill by the next start."""

import pytest
from prometheus_client import CollectorRegistry

from penstock_commenter.doubts import LOOKED_BACK, LOOKS
from penstock_commenter.handler import Commenter
from penstock_commenter.sweeper import LAST_LOOKS, Sweeper
from penstock_platforms.forge.world import Draft
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import CrashAt, Crashed
from tests.unit.penstock_commenter.stage import TIMING, Stagehand, answer_of, finding

RETRIED_WITHIN = 5.0


async def test_a_frozen_write_that_lands_late_is_taken_back_by_the_sweeper(stage: Stagehand) -> None:
    """The one double that cannot be prevented: frozen between its last look at the clock and the call."""
    commenter = await sent_again(stage)
    (summary,) = stage.comments()
    (inline,) = stage.inline()

    land_late(stage)
    sweeper = a_sweeper(stage, commenter)
    for _ in range(3):
        stage.clock.advance(30)
        await sweeper.step()

    assert [each.id for each in stage.comments()] == [summary.id]
    assert [each.id for each in stage.inline()] == [inline.id]
    doubled = sweeper.metrics.effects.labels("review", "doubled")._value.get()
    assert doubled >= 1


async def test_a_double_that_lands_minutes_later_is_taken_back_by_who_spoke_in_its_place(stage: Stagehand) -> None:
    """Who stood still that long may be killed as it wakes, and look no more."""
    sweeper = a_sweeper(stage, await sent_again(stage))
    (summary,) = stage.comments()
    await sweeper.step()  # which looks back, as each start does
    stage.clock.advance(300)
    while sweeper.doubts.next_in() == 0:
        await sweeper.step()

    land_late(stage)
    assert len(stage.comments()) == 2
    stage.clock.advance(LOOKED_BACK.total_seconds() - 300)
    await sweeper.step()

    assert [each.id for each in stage.comments()] == [summary.id]


@pytest.mark.parametrize("lands", ["before the next start", "after it"])
async def test_a_double_of_somebody_who_was_frozen_is_taken_back_though_all_who_knew_were_killed(
    stage: Stagehand, lands: str
) -> None:
    await sent_again(stage)
    stage.clock.advance(60)
    (summary,) = stage.comments()
    (inline,) = stage.inline()

    if lands == "before the next start":
        land_late(stage)
    sweeper = a_sweeper(stage, stage.process("commenter@c:1"))
    await sweeper.step()
    if lands == "after it":
        land_late(stage)
    stage.clock.advance(TIMING.doubt)
    await sweeper.step()

    assert [each.id for each in stage.comments()] == [summary.id]
    assert [each.id for each in stage.inline()] == [inline.id]


async def test_a_start_looks_again_at_what_was_sent_lately_once_and_at_nothing_older(stage: Stagehand) -> None:
    answer_of(await stage.process().requested(await stage.review(finding())))
    soon = a_sweeper(stage, stage.process())
    await soon.step()
    assert soon.doubts.next_in() == pytest.approx(TIMING.doubt)
    stage.clock.advance(TIMING.doubt)
    await soon.step()
    assert soon.doubts.next_in() is None

    stage.clock.advance(LOOKED_BACK.total_seconds())
    late = a_sweeper(stage, stage.process())
    await late.step()
    assert late.doubts.next_in() is None


async def test_a_start_without_its_store_looks_back_when_the_store_is_there(stage: Stagehand) -> None:
    answer_of(await stage.process().requested(await stage.review(finding())))
    sweeper = a_sweeper(stage, stage.process())
    stage.store.go_away()
    assert 0 < await sweeper.step() <= RETRIED_WITHIN
    stage.store.come_back()
    await sweeper.step()
    assert sweeper.doubts.next_in() == pytest.approx(TIMING.doubt)


async def test_a_look_that_fails_is_made_again_a_few_times(stage: Stagehand) -> None:
    event = await stage.review(finding())
    answer_of(await stage.process().requested(event))
    (summary,) = stage.comments()
    land_late(stage)
    sweeper = a_sweeper(stage, stage.process())
    await sweeper.step()
    stage.clock.advance(TIMING.doubt)
    stage.store.go_away()
    await sweeper.step()
    stage.store.come_back()
    assert len(stage.comments()) == 2
    stage.clock.advance(LOOKS[0])
    await sweeper.step()
    assert [each.id for each in stage.comments()] == [summary.id]

    sweeper.doubts.add(stage.stream, stage.ref, looks=(0.0,))
    stage.store.go_away()
    for _ in range(5):
        await sweeper.step()
        stage.clock.advance(LOOKS[-1])
    assert sweeper.doubts.next_in() is None


async def test_an_orderly_end_waits_for_what_this_process_may_have_doubled_and_takes_it_back(stage: Stagehand) -> None:
    """Whoever woke beside the one in its place is put out soon, and nobody else may know of its double."""
    commenter = await sent_again(stage)
    (summary,) = stage.comments()
    (inline,) = stage.inline()
    sweeper = a_sweeper(stage, commenter)

    async def rest(seconds: float) -> None:
        stage.clock.advance(seconds)
        if stage.clock.monotonic() - ended_at > RETRIED_WITHIN and len(stage.comments()) == 1:
            land_late(stage)

    sweeper.rest = rest
    ended_at = stage.clock.monotonic()
    await sweeper.stop()

    assert stage.clock.monotonic() - ended_at <= LAST_LOOKS
    assert sweeper.metrics.effects.labels("inline", "doubled")._value.get() == 1
    assert [each.id for each in stage.comments()] == [summary.id]
    assert [each.id for each in stage.inline()] == [inline.id]


async def test_an_orderly_end_leaves_to_the_next_start_what_it_only_looked_back_at(stage: Stagehand) -> None:
    answer_of(await stage.process().requested(await stage.review(finding())))
    sweeper = a_sweeper(stage, stage.process())
    await sweeper.step()
    assert sweeper.doubts.next_in() == pytest.approx(TIMING.doubt)
    began = stage.clock.monotonic()
    await sweeper.stop()
    assert stage.clock.monotonic() == began


async def test_an_orderly_end_waits_for_nobody_longer_than_a_stop_may_take(stage: Stagehand) -> None:
    sweeper = a_sweeper(stage, await sent_again(stage))
    stage.store.go_away()
    began = stage.clock.monotonic()
    await sweeper.stop()
    assert LOOKS[0] <= stage.clock.monotonic() - began <= LAST_LOOKS


async def sent_again(stage: Stagehand) -> Commenter:
    """Somebody stands still between ledger and call; the one who is answered with said everything in its place."""
    event = await stage.review(finding(5))
    with pytest.raises(Crashed):
        await stage.process("commenter@a:1", CrashAt("commenter.3.begun", nth=2)).requested(event)
    stage.clock.advance(TIMING.lease)
    commenter = stage.process("commenter@b:1")
    answer_of(await commenter.requested(event))
    return commenter


def land_late(stage: Stagehand) -> None:
    """What the one who stood still said when it woke up."""
    world, (summary,), inline = stage.forge.world, stage.comments(), stage.inline()[0]
    world.comment(stage.repository, stage.pull, author="penstock-bot", body=summary.body)
    world.review(
        stage.repository,
        stage.pull,
        author="penstock-bot",
        body=stage.reviews()[0].body,
        commit=stage.pull.head,
        state="COMMENTED",
        drafts=[Draft("app.py", 5, inline.body)],
    )


def a_sweeper(stage: Stagehand, commenter: Commenter) -> Sweeper:
    async def rest(seconds: float) -> None:
        stage.clock.advance(seconds)

    return Sweeper(
        store=stage.store,
        platforms=commenter.platforms,
        doubts=commenter.doubts,
        clock=stage.clock,
        voice=stage.voice,
        timing=TIMING,
        metrics=Metrics(CollectorRegistry()),
        holder="commenter@b:1/sweeper",
        rest=rest,
    )


async def test_the_sweeper_leaves_alone_what_others_wrote_with_a_copied_mark(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.review(finding()))
    (summary,) = stage.comments()
    stage.forge.world.comment(stage.repository, stage.pull, author="mallory", body=summary.body)
    commenter.doubts.add(stage.stream, stage.ref)
    stage.clock.advance(10)
    await a_sweeper(stage, commenter).step()
    assert len(stage.comments()) == 2
