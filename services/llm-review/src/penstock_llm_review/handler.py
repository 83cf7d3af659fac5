"""pr.review.requested → pr.review.completed, and files.review.requested → files.review.completed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from penstock_changes.diffs import parse_diff
from penstock_changes.documents import (
    AnalysisDocument,
    BatchDocument,
    ManifestDocument,
    ReviewConfig,
    ReviewDocument,
    decode_document,
    encode_document,
)
from penstock_changes.errors import ChangesError
from penstock_changes.model import FileChange
from penstock_contracts.enums import AnswerOutcome, ErrorClassification, SkipReason
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    FilesReviewCompleted,
    FilesReviewRequested,
    PrReviewCompleted,
    PrReviewRequested,
    Usage,
)
from penstock_eventlog.handles import Handles
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_llm_review import decide, prompts
from penstock_llm_review.asking import Asking, NoLongerWanted, place_of
from penstock_llm_review.budget import Budget
from penstock_llm_review.errors import ModelError
from penstock_llm_review.ports import Model, ModelAnswer
from penstock_store.cached import Cached
from penstock_store.errors import BlobMissing
from penstock_store.ports import Blobs

_log = logging.getLogger(__name__)
F = TypeVar("F", PrReviewRequested, FilesReviewRequested)
D = TypeVar("D")
Completed = type[PrReviewCompleted] | type[FilesReviewCompleted]


@dataclass(frozen=True, slots=True)
class ReviewHandler:
    """What the handling of both requests needs. Without a model every request is answered at once, as skipped.
    `provider` is the address of the model: another one's answers are others."""

    blobs: Blobs
    model: Model | None
    provider: str
    answers: Cached[ModelAnswer]
    budget: Budget
    wanted: Wanted
    limits: prompts.PromptLimits

    async def pull_request(self, event: Event[PrReviewRequested]) -> Outcome:
        return await self._handled(event, lambda: self._about_pull_request(event.fact), PrReviewCompleted)

    async def files(self, event: Event[FilesReviewRequested]) -> Outcome:
        return await self._handled(event, lambda: self._about_files(event.fact), FilesReviewCompleted)

    async def _handled(
        self, event: Event[F], question: Callable[[], Awaitable[prompts.Question]], completed: Completed
    ) -> Outcome:
        """Never raises for what the change or the model is like; StoreUnavailable is the loop's."""
        if self.model is None:
            return Emit((completed(outcome=AnswerOutcome.SKIPPED, reason=SkipReason.NO_MODEL.value),))
        try:
            return await self.wanted.skip(event) or await self._reviewed(event, self.model, await question(), completed)
        except NoLongerWanted as found:
            return found.skip
        except ModelError as error:
            return Failed(error.classification, str(error), error.retry_after)
        except (BlobMissing, ChangesError) as error:
            return Failed(ErrorClassification.PERMANENT, str(error))

    async def _reviewed(
        self, event: Event[F], model: Model, question: prompts.Question, completed: Completed
    ) -> Outcome:
        if not question.shown:
            return await self._emit(completed, question, ReviewDocument(not_reviewed=question.left_out), None, calls=0)
        asking = Asking(model, self.wanted, self.budget, event, question)
        place = place_of(question, self.provider, model.name, event.fact.pull_request.repository)
        answer = await self.answers.get_or_load(place, asking)
        from penstock_llm_review import answers  # as in Asking

        reading = answers.read(answer.text, question.shown)
        if reading.refused:
            _log.warning("findings refused", extra={"refused": reading.refused, "model": answer.model})
        document = ReviewDocument(
            reading.summary, reading.findings, reading.refused, answer.model, not_reviewed=question.left_out
        )
        return await self._emit(completed, question, document, answer, calls=asking.calls)

    async def _emit(
        self,
        completed: Completed,
        question: prompts.Question,
        document: ReviewDocument,
        answer: ModelAnswer | None,
        *,
        calls: int,
    ) -> Outcome:
        outcome, reason = decide.outcome(
            len(question.shown), question.left_out, cut_off=answer is not None and answer.cut_off
        )
        blob = await self.blobs.put(encode_document(document))
        usage = self._usage(answer, calls) if answer else Usage()
        findings = len(document.findings)
        return Emit((completed(outcome=outcome, reason=reason, blob=blob, findings=findings, usage=usage),))

    def _usage(self, answer: ModelAnswer, calls: int) -> Usage:
        tokens = (answer.input_tokens, answer.output_tokens)
        return decide.usage(answer.model, tokens, calls, self.budget.prices.cost(*tokens))

    async def _about_pull_request(self, fact: PrReviewRequested) -> prompts.Question:
        config = await self._document(fact.config_blob, ReviewConfig)
        manifest = await self._document(fact.manifest_blob, ManifestDocument)
        changes = decide.reviewable(await self._changes(fact.change_blob), manifest)
        about = prompts.describe(manifest.title, manifest.description)
        return await asyncio.to_thread(prompts.about_pull_request, changes, config, about, self.limits)

    async def _about_files(self, fact: FilesReviewRequested) -> prompts.Question:
        config = await self._document(fact.config_blob, ReviewConfig)
        batch = await self._document(fact.batch.blob, BatchDocument)
        analysis = AnalysisDocument()
        if fact.ast_blob:
            analysis = await self._document(fact.ast_blob, AnalysisDocument)
        about = prompts.describe(batch.title, batch.description)
        changes = await asyncio.to_thread(parse_diff, batch.diff)
        return await asyncio.to_thread(prompts.about_files, changes, config, about, analysis, self.limits)

    async def _document(self, blob: str, kind: type[D]) -> D:
        return decode_document(await self.blobs.get(blob), kind)

    async def _changes(self, blob: str) -> tuple[FileChange, ...]:
        diff = (await self.blobs.get(blob)).decode("utf-8", errors="replace")
        return await asyncio.to_thread(parse_diff, diff)


HANDLES: Handles = {PrReviewRequested: ReviewHandler.pull_request, FilesReviewRequested: ReviewHandler.files}
