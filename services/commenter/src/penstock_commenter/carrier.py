"""Carries effects out, each at most once: begin in the ledger, call, settle in the ledger.

Whoever finds an effect left `sending` does not know whether it landed. It is looked for at once, and taken over when it
is there. While it is not there it may still arrive, so it is sent again only after the sender's call has timed out and
the platform had time to settle.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from penstock_commenter.errors import StillUnderWay
from penstock_commenter.finder import Finder, Landed
from penstock_commenter.tenure import Tenure
from penstock_platforms.errors import MaybeSent, NotSent, PlatformError, RateLimited
from penstock_runtime.steps import Steps
from penstock_store.ports import Store
from penstock_store.rows import EffectKind, EffectRow, EffectState
from penstock_store.texts import printable

Call = Callable[[EffectRow], Awaitable[Landed]]

_NOT_CARRIED_OUT = (NotSent, RateLimited)


@dataclass(frozen=True, slots=True)
class Carrier:
    """For one request, under its lease."""

    store: Store
    tenure: Tenure
    finder: Finder
    steps: Steps
    doubted: Callable[[], None]
    """Told when a write of somebody else may come twice, so that doubles are looked for."""

    async def settle_leftovers(self, effects: Iterable[EffectRow]) -> None:
        """What a killed or frozen commenter left `sending`: taken over, or free to be sent again. Or StillUnderWay."""
        for effect in effects:
            if effect.state is not EffectState.SENDING:
                continue
            landed = await self.finder.find(effect)
            if landed is not None:
                await self._settle(effect, EffectState.SENT, landed, effect.note)
                continue
            remaining = await self._remaining(effect)
            if remaining > 0:
                raise StillUnderWay(effect.id, remaining)
            self.doubted()
            await self._settle(effect, EffectState.PLANNED, Landed(effect.external_id, effect.url), effect.note)

    async def settle_inline(self, ledger: Iterable[EffectRow]) -> bool:
        """Whose review stands at the platform, but whose comments nobody wrote into the ledger any more: they are read
        back. Whether there were any."""
        rows = list(ledger)
        submitted = {row.run_id for row in rows if row.kind is EffectKind.REVIEW and row.state is EffectState.SENT}
        left = [row for row in rows if row.kind is EffectKind.INLINE and row.state is EffectState.PLANNED]
        unknown = [row for row in left if row.run_id in submitted]
        if unknown:
            await self.record(unknown, await self.finder.places(unknown))
        return bool(unknown)

    async def due(self, wanted: EffectRow) -> EffectRow | None:
        """Plans an effect; its row when there is something to do, None when the same or a later one was said."""
        await self.store.effects.plan([wanted])
        self.steps.reach("commenter.2.planned")
        known = await self.store.effects.get(wanted.id)
        if known is None or (known.epoch, known.rank) != (wanted.epoch, wanted.rank):
            return None
        return known if known.state is EffectState.PLANNED else None

    async def send(self, effect: EffectRow, call: Call) -> Landed:
        """One write. Raises StillUnderWay when nobody knows whether it landed; any other PlatformError means that it
        did not, and of these a refusal leaves it to the caller to send it in another form or to `refuse` it."""
        lease = await self.tenure.assure()
        begun = await self.store.effects.begin(effect.id, lease)
        self.steps.reach("commenter.3.begun")
        self.tenure.check()
        try:
            landed = await call(begun)
        except MaybeSent:
            landed = await self._look_for(begun)
        except _NOT_CARRIED_OUT as error:
            await self._settle(
                begun, EffectState.PLANNED, Landed(effect.external_id, effect.url), printable(str(error))
            )
            raise
        self.steps.reach("commenter.4.called")
        await self._settle(begun, EffectState.SENT, landed, effect.note)
        self.steps.reach("commenter.5.settled")
        return landed

    async def adopt(self, effect: EffectRow, landed: Landed) -> None:
        """Something of ours that nobody wrote down: planned, with its place, so that a write becomes an edit of it."""
        lease = await self.tenure.assure()
        await self.store.effects.plan([effect])
        external_id, url = landed.external_id, landed.url
        await self.store.effects.settle(
            effect.id, lease, EffectState.SENT, external_id=external_id, url=url, note=effect.note
        )

    async def refuse(self, effect: EffectRow, error: PlatformError) -> None:
        """The platform will not have it in any form."""
        await self._settle(effect, EffectState.REFUSED, Landed(effect.external_id, effect.url), printable(str(error)))

    async def record(self, effects: Iterable[EffectRow], places: Mapping[str, Landed]) -> None:
        """What went out as part of a review: sent where it landed, else refused and therefore listed."""
        for effect in effects:
            if effect.state is not EffectState.PLANNED:
                continue
            begun = await self.store.effects.begin(effect.id, await self.tenure.assure())
            place = places.get(effect.id)
            state = EffectState.REFUSED if place is None else EffectState.SENT
            await self._settle(begun, state, place or Landed(""), effect.note)

    async def _look_for(self, effect: EffectRow) -> Landed:
        """A refused or failed look says nothing about the write, so it must not pass for the write's own failure."""
        try:
            landed = await self.finder.find(effect)
        except PlatformError:
            landed = None
        if landed is None:
            raise StillUnderWay(effect.id, max(await self._remaining(effect), 1.0))
        return landed

    async def _remaining(self, effect: EffectRow) -> float:
        """Seconds until a write that was begun has landed or never will."""
        if effect.sent_at is None:
            return 0.0
        passed = await self.store.now() - effect.sent_at
        return (timedelta(seconds=self.tenure.timing.doubt) - passed).total_seconds()

    async def _settle(self, effect: EffectRow, state: EffectState, landed: Landed, note: str) -> None:
        await self.store.effects.settle(
            effect.id, self.tenure.lease, state, external_id=landed.external_id, url=landed.url, note=note
        )
