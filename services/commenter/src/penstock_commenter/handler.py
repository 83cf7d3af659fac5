"""comments.requested → comments.published: says the pending note, the review, or a closing, each at most once.

1. take the lease of the pull request and read its ledger; 2. plan an effect; 3. begin it in the ledger; 4. call the
platform; 5. settle it in the ledger; then the next effect from 2; 6. answer. These are the numbers of the crash points:
wherever it dies, the request is delivered again and goes on from what the ledger and the platform say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock_changes.errors import ChangesError
from penstock_commenter.carrier import Carrier
from penstock_commenter.doubts import Doubts
from penstock_commenter.errors import StillUnderWay, UnknownPlatform
from penstock_commenter.finder import Finder
from penstock_commenter.identity import review_id, status_id, summary_id
from penstock_commenter.material import Materials
from penstock_commenter.occasion import Occasion, Voice
from penstock_commenter.ports import Platforms
from penstock_commenter.recollecting import is_forgotten, may_be_forgotten, recollect, recollect_inline
from penstock_commenter.saying import Saying, Times
from penstock_commenter.tenure import Tenure, Timing
from penstock_contracts.enums import CLOSINGS, AnswerOutcome, CommentsKind, ErrorClassification, SkipReason
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsPublished, CommentsRequested
from penstock_eventlog.handles import Handles
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_platforms.errors import PlatformError
from penstock_platforms.ports import StatusState
from penstock_runtime.clock import Clock
from penstock_runtime.steps import Steps
from penstock_store.errors import BlobMissing, FenceLost
from penstock_store.ports import Store
from penstock_store.rows import EffectKind, EffectRow, EffectState


def lease_key(stream: str) -> str:
    return f"commenter:{stream}"


@dataclass(frozen=True, slots=True)
class Commenter:
    """What the handling of a request needs. `holder` names this process: restarted under its name it goes on at
    once, since nobody else can hold its lease."""

    store: Store
    platforms: Platforms
    wanted: Wanted
    clock: Clock
    steps: Steps
    voice: Voice
    timing: Timing
    doubts: Doubts
    holder: str
    on_failure: StatusState = StatusState.SUCCESS
    speaking: set[str] = field(default_factory=set)
    """The streams in hand in this process, whose lease it must not take from itself."""

    async def requested(self, event: Event[CommentsRequested]) -> Outcome:
        """Never raises for what the platform does; StoreUnavailable is the loop's."""
        stream = event.envelope.stream
        if stream in self.speaking:
            return self._later("this commenter speaks on this pull request already", self.timing.call)
        self.speaking.add(stream)
        try:
            return await self._outcome(event)
        finally:
            self.speaking.discard(stream)

    async def _outcome(self, event: Event[CommentsRequested]) -> Outcome:
        """Whoever stood still until its lease was over may have written beside what another one said meanwhile, however
        it ends then: mostly it is cancelled as it wakes, since its partitions are lost."""
        stream = event.envelope.stream
        tenure, fenced = None, False
        try:
            tenure = await Tenure.take(self.store.leases, self.clock, lease_key(stream), self.holder, self.timing)
            if tenure is None:
                return self._later("another commenter speaks on this pull request", self.timing.lease)
            async with tenure:
                self.steps.reach("commenter.1.leased")
                outcome = await self._under_lease(event, tenure)
        except FenceLost as error:
            fenced = True
            return self._later(str(error), self.timing.doubt)
        except StillUnderWay as error:
            return self._later(str(error), error.retry_after)
        except PlatformError as error:
            return Failed(error.classification, str(error), error.retry_after)
        except (BlobMissing, ChangesError, UnknownPlatform) as error:
            return Failed(ErrorClassification.PERMANENT, str(error))
        finally:
            if fenced or (tenure is not None and tenure.over):
                self.doubts.add(stream, event.fact.pull_request)
        self.steps.reach("commenter.6.answered")
        return outcome

    async def _under_lease(self, event: Event[CommentsRequested], tenure: Tenure) -> Outcome:
        fact, times = event.fact, Times(self.clock)
        if fact.kind not in CLOSINGS:
            skip = await self.wanted.skip(event)
            if skip is not None:
                return skip
        restored = await self.store.restoring.was_restored()
        occasion = await self._occasion(event, tenure)
        if restored or may_be_forgotten(occasion):
            occasion = await recollect(occasion)
        materials = Materials(self.store.blobs)
        if fact.kind is CommentsKind.PENDING:
            config = await materials.config(fact)
            return Emit((await Saying(occasion, times, self.on_failure).pending(config),))
        if fact.kind in CLOSINGS:
            return Emit((await Saying(occasion, times, self.on_failure).closing(),))
        material = await materials.of(fact, event.envelope.stream)
        if restored or is_forgotten(occasion):
            occasion = await recollect_inline(occasion, material)
        moved = await self._head_moved(occasion, times)
        return Emit((moved or await Saying(occasion, times, self.on_failure).review(material),))

    async def _occasion(self, event: Event[CommentsRequested], tenure: Tenure) -> Occasion:
        """With a ledger in which nothing that concerns this request is left half done."""
        fact, envelope = event.fact, event.envelope
        platform = self.platforms.of(fact.pull_request)
        account = await self.platforms.account(fact.pull_request)
        finder = Finder(platform, fact.pull_request, account, self.voice.markers, self.voice.context)
        carrier = Carrier(
            store=self.store,
            tenure=tenure,
            finder=finder,
            steps=self.steps,
            doubted=lambda: self.doubts.add(envelope.stream, fact.pull_request),
        )
        return Occasion(fact, envelope, platform, carrier, self.voice, await self._settled(event, carrier))

    async def _settled(self, event: Event[CommentsRequested], carrier: Carrier) -> Sequence[EffectRow]:
        stream, effects = event.envelope.stream, self.store.effects
        ledger = await effects.of_stream(stream)
        concerned = [row for row in ledger if _concerns(row, event)]
        if any(row.state is EffectState.SENDING for row in concerned):
            await carrier.settle_leftovers(concerned)
            ledger = await effects.of_stream(stream)
        if event.fact.kind is CommentsKind.REVIEW and await carrier.settle_inline(ledger):
            ledger = await effects.of_stream(stream)
        return ledger

    async def _head_moved(self, occasion: Occasion, times: Times) -> CommentsPublished | None:
        """Read right before a review, unless it stands there already and only its answer was lost."""
        fact = occasion.fact
        if occasion.was_sent(review_id(occasion.envelope.workflow_id)):
            return None
        head = (await occasion.platform.pull_request(fact.pull_request)).head
        if head == fact.head:
            return None
        return CommentsPublished(
            outcome=AnswerOutcome.SKIPPED,
            reason=SkipReason.HEAD_MOVED,
            started_at=times.started_at,
            duration=times.duration,
            kind=fact.kind,
            head=head,
        )

    def _later(self, error: str, seconds: float) -> Failed:
        return Failed(ErrorClassification.TRANSIENT, error, seconds)


def _concerns(row: EffectRow, event: Event[CommentsRequested]) -> bool:
    """A status of another head may land when it likes; all else would be said twice."""
    if row.kind is EffectKind.STATUS:
        return row.id == status_id(event.envelope.stream, event.fact.head)
    if event.fact.kind is CommentsKind.REVIEW:
        return True
    return row.id == summary_id(event.envelope.stream)


HANDLES: Handles = {CommentsRequested: Commenter.requested}
