"""One request in hand: which pull request, which run, in which words and under which lease something is said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penstock_commenter.carrier import Call, Carrier
from penstock_commenter.finder import Landed, status_digest
from penstock_commenter.identity import (
    ABANDONED_RANK,
    REVIEW_RANK,
    Markers,
    digest,
    rank_of,
    status_id,
    summary_id,
)
from penstock_contracts.enums import CLOSINGS
from penstock_contracts.envelope import Envelope
from penstock_contracts.facts import CommentsRequested
from penstock_platforms.errors import NotFound, RequestRefused
from penstock_platforms.ports import Platform, StatusState
from penstock_store.rows import EffectKind, EffectRow, EffectState

_STATUS_LIMIT = 140


@dataclass(frozen=True, slots=True)
class Voice:
    """How an installation speaks: the name of its status, its marks, what it hides, where its pages are."""

    context: str
    markers: Markers
    redact: Callable[[str], str]
    public_url: str = ""

    def link(self, run: str) -> str:
        return f"{self.public_url}/runs/{run}" if self.public_url else ""


@dataclass(frozen=True, slots=True)
class Occasion:
    fact: CommentsRequested
    envelope: Envelope
    platform: Platform
    carrier: Carrier
    voice: Voice
    ledger: Sequence[EffectRow]
    """The effects of the stream, none of them left `sending`."""

    @property
    def stream(self) -> str:
        return self.envelope.stream

    def effect(
        self, kind: EffectKind, effect_id: str, *, text: str = "", external_id: str = "", note: str = ""
    ) -> EffectRow:
        """An effect of this request, as it is planned."""
        return EffectRow(
            id=effect_id,
            stream=self.stream,
            run_id=self.envelope.workflow_id,
            kind=kind,
            epoch=self.envelope.epoch,
            rank=self._rank(effect_id),
            state=EffectState.PLANNED,
            digest=text,
            external_id=external_id,
            note=note,
        )

    def known(self, effect_id: str) -> EffectRow | None:
        return next((row for row in self.ledger if row.id == effect_id), None)

    def _rank(self, effect_id: str) -> int:
        """A closing finds planned what its run's review was about to say when its process was killed."""
        known = self.known(effect_id)
        if (
            self.fact.kind in CLOSINGS
            and known is not None
            and known.run_id == self.envelope.workflow_id
            and known.state is EffectState.PLANNED
            and known.rank >= REVIEW_RANK
        ):
            return ABANDONED_RANK
        return rank_of(self.fact.kind)

    def was_sent(self, effect_id: str) -> bool:
        known = self.known(effect_id)
        return known is not None and known.state is EffectState.SENT

    async def say_summary(self, text: str) -> RequestRefused | None:
        """Creates the summary comment or edits it in place; what the platform refused, if it did."""
        effect_id = summary_id(self.stream)
        body = self.signed(text, effect_id)
        row = await self.carrier.due(self.effect(EffectKind.SUMMARY, effect_id, text=digest(body)))
        if row is None:
            return None
        standing, ref = await self.standing(row), self.fact.pull_request

        async def edit(_: EffectRow) -> Landed:
            return Landed((await self.platform.update_comment(ref, standing, body)).comment_id)

        async def create(_: EffectRow) -> Landed:
            return Landed((await self.platform.create_comment(ref, body)).comment_id)

        if standing:
            refusal = await self._tried(row, edit)
            if not isinstance(refusal, NotFound):
                return await self._settled(row, refusal)
            # Somebody deleted it, and what is to be known now stands nowhere else. The time that a write may take is
            # counted from its beginning, so this one is begun anew.
        return await self._said(row, create)

    async def set_status(self, head: str, state: StatusState, text: str) -> RequestRefused | None:
        """Sets the status on a head; what the platform refused, if it did."""
        if not head or not self.platform.capabilities.statuses:
            return None
        line = " ".join(self.voice.redact(text).split())
        description = line if len(line) <= _STATUS_LIMIT else line[: _STATUS_LIMIT - 1] + "…"
        wanted = self.effect(
            EffectKind.STATUS,
            status_id(self.stream, head),
            text=status_digest(state.value, description),
            external_id=head,
        )
        row = await self.carrier.due(wanted)
        if row is None:
            return None
        link = self.voice.link(self.envelope.workflow_id)

        async def call(_: EffectRow) -> Landed:
            await self.platform.set_status(
                self.fact.pull_request,
                head,
                state=state,
                context=self.voice.context,
                description=description,
                url=link,
            )
            return Landed(head, link)

        return await self._said(row, call)

    def signed(self, text: str, effect_id: str) -> str:
        limit = self.platform.capabilities.comment_limit
        return self.voice.markers.sign(self.voice.redact(text), effect_id, limit)

    async def _said(self, row: EffectRow, call: Call) -> RequestRefused | None:
        return await self._settled(row, await self._tried(row, call))

    async def _tried(self, row: EffectRow, call: Call) -> RequestRefused | None:
        try:
            await self.carrier.send(row, call)
        except RequestRefused as refusal:
            return refusal
        return None

    async def _settled(self, row: EffectRow, refusal: RequestRefused | None) -> RequestRefused | None:
        """In the ledger; what the platform refused, if it did."""
        if refusal is not None:
            await self.carrier.refuse(row, refusal)
        return refusal

    async def standing(self, row: EffectRow) -> str:
        """Where the summary stands that is in the ledger. One that was begun before and not found then is looked for
        once more: it may have landed later than the platform should take for it."""
        if row.external_id or row.sent_at is None:
            return row.external_id
        found = await self.carrier.finder.summaries(row.id)
        return found[0].comment_id if found else ""
