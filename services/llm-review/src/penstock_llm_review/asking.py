"""A question and its answer: asked once, whoever asks it again."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from penstock_changes.documents import decode_document, encode_document
from penstock_changes.errors import ChangesError
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.outcomes import Skip
from penstock_eventlog.wanted import Wanted
from penstock_llm_review.budget import Budget
from penstock_llm_review.errors import ModelError
from penstock_llm_review.ports import Model, ModelAnswer
from penstock_llm_review.prompts import Question, question_key
from penstock_runtime.metrics import Metrics
from penstock_store.cache import Cache, CacheName, CachePlace
from penstock_store.cached import Cached, CacheRules, Form
from penstock_store.errors import StoreError

F = TypeVar("F", bound=Fact)
_MOST_ANSWERS = 10_000
_log = logging.getLogger(__name__)


class NoLongerWanted(Exception):
    """Nobody wants the answer any more, so nobody is asked."""

    def __init__(self, skip: Skip) -> None:
        super().__init__(skip.reason)
        self.skip = skip


def answers_in(cache: Cache, metrics: Metrics, ttl: timedelta, model_seconds: float) -> Cached[ModelAnswer]:
    """Who finds that somebody else asks the same waits for that answer as long as it would wait for its own."""
    rules = CacheRules(CacheName.ANSWERS, ttl, _MOST_ANSWERS, patience=model_seconds)
    return Cached(cache, rules, Form(encode_document, _decoded), metrics)


def _decoded(kept: bytes) -> ModelAnswer | None:
    try:
        return decode_document(kept, ModelAnswer)
    except ChangesError:
        return None


def place_of(question: Question, provider: str, model: str, repository: str) -> CachePlace:
    """By everything that an answer depends on; whose it is says only by whose name it can be removed."""
    key = question_key(question.prompt, provider, model)
    return CachePlace(CacheName.ANSWERS, key, repository.partition("/")[0], repository)


@dataclass(slots=True)
class Asking(Generic[F]):
    """Asks a model, when nobody has asked it the same before. `calls` are those that were made."""

    model: Model
    wanted: Wanted
    budget: Budget
    event: Event[F]
    question: Question
    calls: int = 0

    async def __call__(self) -> ModelAnswer:
        """Raises NoLongerWanted and ModelError. Only what can be read is an answer: a retry shall be free to get a
        better one than rubbish."""
        skip = await self.wanted.skip(self.event)
        if skip is not None:
            raise NoLongerWanted(skip)
        answer = await self._paid()
        # Reads with pydantic, which nobody should have to import where no model is asked.
        from penstock_llm_review import answers

        answers.read(answer.text, self.question.shown)
        return answer

    async def _paid(self) -> ModelAnswer:
        reservation = await self.budget.reserve(self.event, self.question.prompt, self.model.name)
        self.calls += 1
        try:
            answer = await self.model.ask(self.question.prompt)
        except ModelError as error:
            await self.budget.failed(reservation, error)
            raise
        try:
            await self.budget.settle(reservation, answer)
        except StoreError as error:
            # What was reserved counts as spent; the answer has been paid for and is not thrown away.
            _log.warning("a model call could not be settled", extra={"error": str(error)})
        return answer
