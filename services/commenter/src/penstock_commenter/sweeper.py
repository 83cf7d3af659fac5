"""Removes what came twice: the machine that looks again at pull requests in doubt, by our own marks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from penstock_commenter.doubts import LOOKED_BACK, MOST_LOOKED_BACK, Doubt, Doubts
from penstock_commenter.errors import UnknownPlatform
from penstock_commenter.finder import Finder
from penstock_commenter.handler import lease_key
from penstock_commenter.identity import summary_id
from penstock_commenter.occasion import Voice
from penstock_commenter.ports import Platforms
from penstock_commenter.tenure import Tenure, Timing
from penstock_contracts.ids import ref_of
from penstock_platforms.errors import PlatformError
from penstock_platforms.ports import Platform
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_store.errors import StoreError
from penstock_store.ports import Store
from penstock_store.rows import EffectKind, EffectRow

IDLE = 5.0
"""Seconds until it looks whether anything is in doubt."""
LAST_LOOKS = 23.0
"""Seconds that an orderly end waits for looks; less than all of a stop, since a look takes a moment too."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sweeper:
    """A summary's double is deleted, and a doubled inline comment; a submitted review cannot be taken back and is
    counted. Of doubles the one in the ledger stays, else the oldest."""

    store: Store
    platforms: Platforms
    doubts: Doubts
    clock: Clock
    voice: Voice
    timing: Timing
    metrics: Metrics
    holder: str
    name: str = "commenter.sweeper"
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    _looked_back: bool = False

    async def step(self) -> float:
        if not self._looked_back:
            await self._look_back()
        doubt = self.doubts.take_due()
        if doubt is not None:
            await self._look(doubt)
        left = self.doubts.next_in()
        return IDLE if left is None else min(left, IDLE)

    async def stop(self) -> None:
        """Of what this process itself may have doubled nobody else may know, and whoever wakes beside another in its
        place is ended soon: what is due by then is still looked at. All else is left to the next start."""
        self.doubts.forget_looked_back()
        until = self.clock.monotonic() + LAST_LOOKS
        while (left := self.doubts.next_in()) is not None and self.clock.monotonic() + left <= until:
            await self.rest(left)
            doubt = self.doubts.take_due()
            if doubt is not None:
                await self._look(doubt)

    async def _look_back(self) -> None:
        """Whoever was killed took its doubts along. Once is enough, when what it may have begun has landed: all others
        that may still double something are alive, and in doubt themselves."""
        try:
            since = await self.store.now() - LOOKED_BACK
            streams = await self.store.effects.streams_sent_since(since, MOST_LOOKED_BACK)
            refs = [ref_of(stream, await self.store.jobs.subject(stream)) for stream in streams]
        except StoreError as error:
            _log.warning("could not look for doubles", extra={"error": str(error)})
            return
        self._looked_back = True
        for stream, ref in zip(streams, refs, strict=True):
            if ref is not None:
                self.doubts.look_back(stream, ref, self.timing.doubt)

    async def _look(self, doubt: Doubt) -> None:
        key = lease_key(doubt.stream)
        try:
            tenure = await Tenure.take(self.store.leases, self.clock, key, self.holder, self.timing)
            if tenure is None:
                self.doubts.again(doubt)
                return
            async with tenure:
                await self._sweep(doubt)
        except (PlatformError, StoreError, UnknownPlatform) as error:
            self.doubts.failed(doubt)
            _log.warning("could not look for doubles", extra={"stream": doubt.stream, "error": str(error)})

    async def _sweep(self, doubt: Doubt) -> None:
        platform = self.platforms.of(doubt.ref)
        account = await self.platforms.account(doubt.ref)
        finder = Finder(platform, doubt.ref, account, self.voice.markers, self.voice.context)
        ledger = {row.id: row for row in await self.store.effects.of_stream(doubt.stream)}
        await self._sweep_summary(doubt, platform, finder, ledger)
        await self._sweep_inline(doubt, platform, finder, ledger.values())
        for row in ledger.values():
            if row.kind is EffectKind.REVIEW and len(await finder.reviews(row.id)) > 1:
                self._count(EffectKind.REVIEW, doubt)

    async def _sweep_summary(
        self, doubt: Doubt, platform: Platform, finder: Finder, ledger: dict[str, EffectRow]
    ) -> None:
        effect_id = summary_id(doubt.stream)
        found = [each.comment_id for each in await finder.summaries(effect_id)]
        known = ledger.get(effect_id)
        for comment_id in _superfluous(found, known.external_id if known else ""):
            await platform.delete_comment(doubt.ref, comment_id)
            self._count(EffectKind.SUMMARY, doubt)

    async def _sweep_inline(
        self, doubt: Doubt, platform: Platform, finder: Finder, ledger: Iterable[EffectRow]
    ) -> None:
        if not platform.capabilities.delete_review_comments:
            return
        comments = await finder.inline_comments()
        for row in ledger:
            if row.kind is not EffectKind.INLINE:
                continue
            found = [each.comment_id for each in comments if self.voice.markers.marks(each.body, row.id)]
            for comment_id in _superfluous(found, row.external_id):
                await platform.delete_review_comment(doubt.ref, comment_id)
                self._count(EffectKind.INLINE, doubt)

    def _count(self, kind: EffectKind, doubt: Doubt) -> None:
        self.metrics.effects.labels(kind.value, "doubled").inc()
        _log.warning("said twice", extra={"stream": doubt.stream, "effect": kind.value})


def _superfluous(found: list[str], known: str) -> list[str]:
    kept = known if known in found else next(iter(found), "")
    return [each for each in found if each != kept]
