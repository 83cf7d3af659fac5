"""What the platform shows and the ledger does not know is written into the ledger before anything is said.

A backup that was put back knows nothing of what was said after it was taken. The work of that time is done again under
the same ids, and our marks at the platform carry those ids: what bears one was said. A pull request of which nothing is
known is new, or was forgotten: on request, or because it rested for long. One list of its comments tells which.
"""

from collections.abc import Sequence
from dataclasses import replace

from penstock_commenter.decide import Material, inline_ids
from penstock_commenter.finder import Landed
from penstock_commenter.identity import digest, forgotten_id, review_id, summary_id
from penstock_commenter.occasion import Occasion
from penstock_commenter.texts import pending_summary
from penstock_contracts.enums import CommentsKind
from penstock_platforms.ports import Comment, Review
from penstock_store.rows import EffectKind, EffectRow, EffectState

NOBODY = ""
"""The run of what was said by one that is not known any more."""


def may_be_forgotten(occasion: Occasion) -> bool:
    """Nothing is known, as of a new pull request, or it is known that something was forgotten."""
    return not occasion.ledger or is_forgotten(occasion)


def is_forgotten(occasion: Occasion) -> bool:
    """Something of ours stood there when nothing was known. What it said on lines is met by any later review."""
    return occasion.known(forgotten_id(occasion.stream)) is not None


async def recollect(occasion: Occasion) -> Occasion:
    """The summary comment, and for a review whether it was submitted. Raises PlatformError."""
    finder, summary = occasion.carrier.finder, summary_id(occasion.stream)
    summaries = () if _was_begun(occasion.known(summary)) else await finder.summaries(summary)
    review = review_id(occasion.envelope.workflow_id)
    wanted = occasion.fact.kind is CommentsKind.REVIEW and not _was_begun(occasion.known(review))
    reviews = await finder.own_reviews() if wanted else ()
    if not occasion.ledger and (summaries or reviews):
        await _note_forgotten(occasion)
    if summaries:
        await _take_over_summary(occasion, summaries[0])
    await _take_over_review(occasion, reviews)
    return await _reread(occasion)


async def recollect_inline(occasion: Occasion, material: Material) -> Occasion:
    """Of all that could be said on lines now, what stands there: said by this run's review where that was submitted,
    else by an earlier one, and then it is not said again."""
    said_by = occasion.envelope.workflow_id if occasion.was_sent(review_id(occasion.envelope.workflow_id)) else NOBODY
    wanted = [
        replace(occasion.effect(EffectKind.INLINE, effect_id), run_id=said_by)
        for effect_id in inline_ids(material)
        if not _was_begun(occasion.known(effect_id))
    ]
    places = await occasion.carrier.finder.places(wanted) if wanted else {}
    found = [effect for effect in wanted if effect.id in places]
    await _take_over(occasion, found, places)
    return await _reread(occasion)


async def _note_forgotten(occasion: Occasion) -> None:
    """Before all else that is written, so that a ledger that is empty no more does not hide it. It is never sent."""
    row = occasion.effect(EffectKind.SUMMARY, forgotten_id(occasion.stream), note="said in a time that was forgotten")
    await occasion.carrier.store.effects.plan([replace(row, run_id=NOBODY, epoch=0, rank=0)])


async def _take_over_summary(occasion: Occasion, found: Comment) -> None:
    """Only its id is taken over, below everything that can be said, so that it is edited and not written anew."""
    effect_id = summary_id(occasion.stream)
    pending = digest(occasion.signed(pending_summary(occasion.fact.head, occasion.envelope.workflow_id), effect_id))
    said_by = occasion.envelope.workflow_id if digest(found.body) == pending else NOBODY
    effect = replace(occasion.effect(EffectKind.SUMMARY, effect_id), run_id=said_by, epoch=0, rank=0)
    await occasion.carrier.adopt(effect, Landed(found.comment_id))


async def _take_over_review(occasion: Occasion, ours: Sequence[Review]) -> None:
    """This run's review, else another one that the ledger has forgotten: nobody wants to read a head twice. One of
    another head does not count, though it bears this run's mark: a run done again may find that people pushed since."""
    effect = occasion.effect(EffectKind.REVIEW, review_id(occasion.envelope.workflow_id))
    others = {row.external_id for row in occasion.ledger if row.kind is EffectKind.REVIEW and row.id != effect.id}
    there = [each for each in ours if each.commit == occasion.fact.head and each.review_id not in others]
    found = [each for each in there if occasion.voice.markers.marks(each.body, effect.id)] or there
    if found:
        place = Landed(found[0].review_id)
        await _take_over(occasion, [replace(effect, external_id=place.external_id)], {effect.id: place})


async def _take_over(occasion: Occasion, effects: Sequence[EffectRow], places: dict[str, Landed]) -> None:
    if effects:
        await occasion.carrier.store.effects.plan(effects)
        await occasion.carrier.record(effects, places)


async def _reread(occasion: Occasion) -> Occasion:
    return replace(occasion, ledger=await occasion.carrier.store.effects.of_stream(occasion.stream))


def _was_begun(row: EffectRow | None) -> bool:
    """Then the ledger knows what became of it. A summary that was taken over is planned, and has its place."""
    if row is None:
        return False
    taken_over = row.kind is EffectKind.SUMMARY and row.external_id != ""
    return taken_over or row.sent_at is not None or row.state is not EffectState.PLANNED
