"""What each kind of request comes to: the note that a review is under way, the review, a closing."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from penstock_changes.documents import ReviewConfig, encode_document
from penstock_changes.findings import Finding
from penstock_commenter import decide, texts
from penstock_commenter.identity import REVIEW_RANK, summary_id
from penstock_commenter.occasion import Occasion
from penstock_commenter.reviewing import Reviewing, Submitted
from penstock_contracts.enums import AnswerOutcome, CommentsKind
from penstock_contracts.facts import CommentsPublished, StageTime
from penstock_platforms.errors import RequestRefused
from penstock_platforms.ports import StatusState
from penstock_runtime.clock import Clock
from penstock_store.rows import EffectKind, EffectState


@dataclass(slots=True)
class Times:
    """When the work began, and how long each of its light stages took."""

    clock: Clock
    began: float = field(init=False)
    started_at: datetime = field(init=False)
    stages: list[StageTime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began, self.started_at = self.clock.monotonic(), self.clock.now()

    @property
    def duration(self) -> float:
        return self.clock.monotonic() - self.began

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[None]:
        began, started_at = self.clock.monotonic(), self.clock.now()
        yield
        self.stages.append(StageTime(name, started_at, self.clock.monotonic() - began))


@dataclass(frozen=True, slots=True)
class Saying:
    """One request, spoken. Every method returns the answer or raises what stands in the way."""

    occasion: Occasion
    times: Times
    on_failure: StatusState
    """The status of a head whose review failed: a failure of ours blocks no merge unless asked to."""

    async def pending(self, config: ReviewConfig) -> CommentsPublished:
        """The status, and where configured a comment (B7); the result of an earlier review is not written over."""
        occasion, head, run = self.occasion, self.occasion.fact.head, self.occasion.envelope.workflow_id
        known = occasion.known(summary_id(occasion.stream))
        refusals: list[RequestRefused | None] = []
        async with self.times.stage("initial_comment"):
            if config.initial_comment and (known is None or known.rank != REVIEW_RANK):
                refusals.append(await occasion.say_summary(texts.pending_summary(head, run)))
            refusals.append(await occasion.set_status(head, StatusState.PENDING, texts.pending_line(run)))
        return self._answered(refusals)

    async def closing(self) -> CommentsPublished:
        """Closes what this run's ledger holds, and says on its head how it ended (G6)."""
        occasion, fact = self.occasion, self.occasion.fact
        state = self.on_failure if fact.kind is CommentsKind.FAILED else StatusState.SUCCESS
        known = occasion.known(summary_id(occasion.stream))
        refusals: list[RequestRefused | None] = []
        async with self.times.stage("close"):
            ours = known is not None and known.run_id == occasion.envelope.workflow_id
            if known is not None and ours and await occasion.standing(known):
                text = texts.closing_summary(fact.kind, fact.head, fact.reason)
                refusals.append(await occasion.say_summary(text))
            line = texts.closing_line(fact.kind, fact.reason)
            refusals.append(await occasion.set_status(fact.head, state, line))
        return self._answered(refusals)

    async def review(self, material: decide.Material) -> CommentsPublished:
        """Aggregate, comment on the lines, write the summary, give the verdict, set the status (B12-B17)."""
        occasion = self.occasion
        async with self.times.stage("aggregate"):
            aggregate = decide.aggregate(material, self._said_before())
        async with self.times.stage("review_comments"):
            submitted = await Reviewing(occasion, aggregate).submit()
        listed = _without(aggregate.findings, submitted.inline)
        async with self.times.stage("summary"):
            text = texts.summary(aggregate, occasion.fact.head, inline=submitted.inline, listed=listed)
            refusal = await occasion.say_summary(text)
        async with self.times.stage("status"):
            blocked = aggregate.verdict is decide.Verdict.REQUEST_CHANGES
            state = StatusState.FAILURE if blocked else StatusState.SUCCESS
            status = await occasion.set_status(occasion.fact.head, state, texts.status_line(aggregate))
        if refusal is not None and not submitted.review_id:
            raise refusal
        return await self._published(aggregate, submitted, (refusal, submitted.refusal, status))

    async def _published(
        self, aggregate: decide.Aggregate, submitted: Submitted, refusals: Sequence[RequestRefused | None]
    ) -> CommentsPublished:
        missed = encode_document(aggregate.missed) if aggregate.missed else b""
        return CommentsPublished(
            outcome=AnswerOutcome.PARTIAL if aggregate.partial else AnswerOutcome.OK,
            reason=_reason(refusals),
            started_at=self.times.started_at,
            duration=self.times.duration,
            kind=self.occasion.fact.kind,
            head=self.occasion.fact.head,
            base=self.occasion.fact.base,
            review_id=submitted.review_id,
            comments=len(submitted.inline),
            silenced=len(aggregate.repeated),
            verdict=aggregate.verdict.value,
            url=self.occasion.voice.link(self.occasion.envelope.workflow_id),
            missed_blob=await self.occasion.carrier.store.blobs.put(missed) if missed else "",
            stages=tuple(self.times.stages),
        )

    def _answered(self, refusals: Sequence[RequestRefused | None]) -> CommentsPublished:
        """Of a note or a closing, which has failed only when the platform refused all of it."""
        refused = [each for each in refusals if each is not None]
        if refused and len(refused) == len(refusals):
            raise refused[0]
        return CommentsPublished(
            reason=_reason(refusals),
            started_at=self.times.started_at,
            duration=self.times.duration,
            kind=self.occasion.fact.kind,
            head=self.occasion.fact.head,
            base=self.occasion.fact.base,
            url=self.occasion.voice.link(self.occasion.envelope.workflow_id),
            stages=tuple(self.times.stages),
        )

    def _said_before(self) -> decide.Said:
        run = self.occasion.envelope.workflow_id
        rows = [row for row in self.occasion.ledger if row.kind is EffectKind.INLINE and row.run_id != run]
        return decide.Said(
            sent=frozenset(row.id for row in rows if row.state is EffectState.SENT),
            refused=frozenset(row.id for row in rows if row.state is EffectState.REFUSED),
        )


def _reason(refusals: Sequence[RequestRefused | None]) -> str:
    return "; ".join(str(each) for each in refusals if each is not None)


def _without(findings: Sequence[Finding], said: Sequence[Finding]) -> tuple[Finding, ...]:
    known = {each.fingerprint for each in said}
    return tuple(each for each in findings if each.fingerprint not in known)
