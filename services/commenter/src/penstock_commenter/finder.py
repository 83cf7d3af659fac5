"""Whether something we may have said is at the platform: told by our own account and our keyed marks."""

from collections.abc import Iterable
from dataclasses import dataclass

from penstock_commenter.identity import Markers, digest
from penstock_contracts.facts import PullRequestRef
from penstock_platforms.ports import Comment, Platform, Review, ReviewComment
from penstock_store.rows import EffectKind, EffectRow


@dataclass(frozen=True, slots=True)
class Landed:
    """A write that is at the platform, and the id it has there."""

    external_id: str
    url: str = ""


def status_digest(state: str, description: str) -> str:
    return digest(f"{state}\n{description}")


@dataclass(frozen=True, slots=True)
class Finder:
    """Reads back. Comments of anybody else never count, whatever they contain. Raises PlatformError."""

    platform: Platform
    ref: PullRequestRef
    account: str
    markers: Markers
    context: str

    async def find(self, effect: EffectRow) -> Landed | None:
        """The write that the ledger says was begun, or None while it is not there."""
        match effect.kind:
            case EffectKind.SUMMARY:
                return await self._summary(effect)
            case EffectKind.STATUS:
                return await self._status(effect)
            case EffectKind.REVIEW:
                return await self._review(effect)
            case EffectKind.INLINE:
                return await self._inline(effect)

    async def summaries(self, effect_id: str) -> tuple[Comment, ...]:
        """Our comments with this effect's mark, the oldest first. More than one is a double."""
        found = await self.platform.comments(self.ref)
        ours = (each for each in found if each.author == self.account and self.markers.marks(each.body, effect_id))
        return tuple(sorted(ours, key=lambda comment: (comment.created_at, _number(comment.comment_id))))

    async def inline_comments(self) -> tuple[ReviewComment, ...]:
        """All inline comments of our account, the oldest first."""
        found = await self.platform.review_comments(self.ref)
        ours = (each for each in found if each.author == self.account)
        return tuple(sorted(ours, key=lambda comment: (comment.created_at, _number(comment.comment_id))))

    async def places(self, effects: Iterable[EffectRow]) -> dict[str, Landed]:
        """Where inline comments stand, by the ids of their effects; of doubles the oldest."""
        found = await self.inline_comments()
        ids = [effect.id for effect in effects]
        return {
            each: Landed(comment.comment_id)
            for comment in reversed(found)
            for each in ids
            if self.markers.marks(comment.body, each)
        }

    async def own_reviews(self) -> tuple[Review, ...]:
        """All reviews of our account that bear a mark, the oldest first."""
        found = await self.platform.reviews(self.ref)
        ours = (each for each in found if each.author == self.account and self.markers.signed(each.body))
        return tuple(sorted(ours, key=lambda review: (review.submitted_at, _number(review.review_id))))

    async def reviews(self, effect_id: str) -> tuple[str, ...]:
        """The ids of our reviews with this effect's mark, the oldest first."""
        return tuple(each.review_id for each in await self.own_reviews() if self.markers.marks(each.body, effect_id))

    async def _summary(self, effect: EffectRow) -> Landed | None:
        ours = await self.summaries(effect.id)
        same = [each for each in ours if digest(each.body) == effect.digest]
        if same:
            return Landed(same[0].comment_id)
        # A comment that was created, and that the platform gives back in other words; an edit is told by its words.
        return Landed(ours[0].comment_id) if ours and not effect.external_id else None

    async def _status(self, effect: EffectRow) -> Landed | None:
        found = await self.platform.statuses(self.ref, effect.external_id)
        latest = next((each for each in found if each.context == self.context), None)
        if latest is None or status_digest(latest.state.value, latest.description) != effect.digest:
            return None
        return Landed(effect.external_id, latest.url)

    async def _review(self, effect: EffectRow) -> Landed | None:
        if effect.external_id:  # Another run's, which is taken over and does not bear this one's mark.
            return Landed(effect.external_id)
        ours = await self.reviews(effect.id)
        return Landed(ours[0]) if ours else None

    async def _inline(self, effect: EffectRow) -> Landed | None:
        return (await self.places([effect])).get(effect.id)


def _number(comment_id: str) -> tuple[int, str]:
    """Ids as platforms count them: shorter ones are older."""
    return (len(comment_id), comment_id)
