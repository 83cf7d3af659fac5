"""Submits the review of a run: once, with its inline comments, in the fullest form taken (B12, B13, B17)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from penstock_changes.anchors import Anchored, Anchors
from penstock_changes.diffs import parse_hunks
from penstock_changes.errors import MalformedDiff
from penstock_changes.findings import Finding
from penstock_changes.model import ChangeStatus, ContentKind, FileChange
from penstock_commenter.decide import Aggregate, Placed, Verdict
from penstock_commenter.finder import Landed
from penstock_commenter.identity import inline_id, review_id
from penstock_commenter.occasion import Occasion
from penstock_commenter.texts import inline_body, review_body
from penstock_platforms import ports
from penstock_platforms.errors import AnchorsRefused, RequestRefused
from penstock_platforms.ports import InlineComment
from penstock_store.rows import EffectKind, EffectRow, EffectState


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of the review. `inline` are the findings that have a comment on their lines."""

    review_id: str = ""
    inline: tuple[Finding, ...] = ()
    refusal: RequestRefused | None = None


@dataclass(frozen=True, slots=True)
class Reviewing:
    """One run's review. Its inline comments are effects of their own, so that no later run says them again."""

    occasion: Occasion
    aggregate: Aggregate

    async def submit(self) -> Submitted:
        """Nothing is submitted when there is neither a comment nor a verdict to give: the summary says it all."""
        occasion = self.occasion
        effect_id = review_id(occasion.envelope.workflow_id)
        if occasion.was_sent(effect_id):
            return await self._outcome(effect_id, ())
        verdict = _possible(self.aggregate.verdict, occasion.platform.capabilities)
        if not self.aggregate.inline and verdict is Verdict.COMMENT:
            return Submitted()
        await occasion.carrier.store.effects.plan([self._row(placed) for placed in self.aggregate.inline])
        row = await occasion.carrier.due(occasion.effect(EffectKind.REVIEW, effect_id))
        if row is None:
            return await self._outcome(effect_id, ())
        try:
            taken = await self._submit(row, verdict)
        except RequestRefused as refusal:
            await occasion.carrier.refuse(row, refusal)
            return replace(await self._outcome(effect_id, ()), refusal=refusal)
        return await self._outcome(effect_id, taken)

    async def _submit(self, row: EffectRow, verdict: Verdict) -> tuple[Placed, ...]:
        """The comments the platform took. In ever plainer forms: a bad place costs its comments only, a refused verdict
        only the verdict. Raises the last refusal when there is nothing plainer left to say."""
        comments = self.aggregate.inline
        while True:
            try:
                await self._send(row, comments, verdict)
            except AnchorsRefused:
                if not comments:
                    raise
                comments = await self._narrowed(comments)
                if not comments and verdict is Verdict.COMMENT:
                    raise
            except RequestRefused:
                if verdict is Verdict.COMMENT or not comments:
                    raise
                verdict = Verdict.COMMENT
            else:
                return comments

    async def _send(self, row: EffectRow, comments: Sequence[Placed], verdict: Verdict) -> None:
        occasion = self.occasion
        body = occasion.signed(review_body(self.aggregate, occasion.fact.head), row.id)
        inline = tuple(self._comment(placed) for placed in comments)

        async def call(_: EffectRow) -> Landed:
            return Landed(
                await occasion.platform.submit_review(
                    occasion.fact.pull_request,
                    commit=occasion.fact.head,
                    body=body,
                    comments=inline,
                    verdict=ports.Verdict(verdict.value),
                )
            )

        await occasion.carrier.send(row, call)

    async def _narrowed(self, comments: Sequence[Placed]) -> tuple[Placed, ...]:
        """Those that stand in the platform's own diff as well; none when that is no help."""
        occasion = self.occasion
        files = await occasion.platform.changed_files(occasion.fact.pull_request)
        anchors = Anchors([_file_change(each) for each in files if each.patch])
        kept = tuple(placed for placed in comments if _stands(placed, anchors))
        return kept if len(kept) < len(comments) else ()

    async def _outcome(self, effect_id: str, taken: tuple[Placed, ...]) -> Submitted:
        """Writes into the ledger what became of the inline comments; `taken` are those of a call just made."""
        carrier = self.occasion.carrier
        review = await carrier.store.effects.get(effect_id)
        rows = await self._inline_rows()
        if any(row.state is EffectState.PLANNED for row in rows.values()):
            known = await carrier.finder.places(rows.values()) if taken else {}
            places = {self._id(placed): Landed("") for placed in taken} | known
            await carrier.record(rows.values(), places)
            rows = await self._inline_rows()
        inline = [
            placed.finding
            for placed in self.aggregate.inline
            if (row := rows.get(self._id(placed))) is not None and row.state is EffectState.SENT
        ]
        sent = review is not None and review.state is EffectState.SENT
        return Submitted(review.external_id if review is not None and sent else "", tuple(inline))

    async def _inline_rows(self) -> dict[str, EffectRow]:
        wanted = {self._id(placed) for placed in self.aggregate.inline}
        rows = await self.occasion.carrier.store.effects.of_stream(self.occasion.stream)
        return {row.id: row for row in rows if row.id in wanted}

    def _id(self, placed: Placed) -> str:
        return inline_id(self.occasion.stream, placed.finding.fingerprint)

    def _row(self, placed: Placed) -> EffectRow:
        return self.occasion.effect(EffectKind.INLINE, self._id(placed), note=placed.finding.path)

    def _comment(self, placed: Placed) -> InlineComment:
        place = placed.place
        text = inline_body(placed, suggestions=self.occasion.platform.capabilities.suggestions)
        return InlineComment(
            path=place.path,
            line=place.end_line,
            body=self.occasion.signed(text, self._id(placed)),
            side=ports.Side(place.side.value),
            start_line=place.start_line if place.start_line != place.end_line else None,
        )


def _possible(verdict: Verdict, capabilities: ports.Capabilities) -> Verdict:
    able = {Verdict.APPROVE: capabilities.approve, Verdict.REQUEST_CHANGES: capabilities.request_changes}
    return verdict if able.get(verdict, True) else Verdict.COMMENT


def _file_change(file: ports.ChangedFile) -> FileChange:
    try:
        hunks = parse_hunks(file.patch or "")
    except MalformedDiff:
        hunks = ()
    return FileChange(file.path, file.previous_path or file.path, ChangeStatus.MODIFIED, ContentKind.TEXT, hunks)


def _stands(placed: Placed, anchors: Anchors) -> bool:
    place = placed.place
    return isinstance(anchors.check(place.path, place.side, place.start_line, place.end_line), Anchored)
