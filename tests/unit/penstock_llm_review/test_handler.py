"""Both requests, with fakes for everything around."""

from dataclasses import dataclass, field

from penstock_changes.documents import (
    BatchDocument,
    ManifestDocument,
    ReviewConfig,
    ReviewDocument,
    decode_document,
    encode_document,
)
from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_contracts.facts import (
    Batch,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrReviewCompleted,
    PrReviewRequested,
)
from penstock_eventlog.outcomes import Emit, Failed, Outcome, Skip
from penstock_eventlog.wanted import Wanted
from penstock_llm_review.adapters.memory import MemoryAnswers
from penstock_llm_review.errors import ModelThrottled
from penstock_llm_review.handler import ReviewHandler
from penstock_llm_review.ports import ModelAnswer, Prompt
from penstock_llm_review.prompts import PromptLimits
from penstock_runtime.clock import ManualClock
from tests.support.requests import NOON, PULL_REQUEST, FakeBlobs, FakeExecutions, request
from tests.unit.penstock_llm_review.support import answer, diff, finding


@dataclass
class FakeModel:
    """Answers with these texts in turn; an error in their place is raised."""

    says: list[str | ModelThrottled]
    asked: list[Prompt] = field(default_factory=list)
    name: str = "small"

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        self.asked.append(prompt)
        said = self.says[len(self.asked) - 1]
        if isinstance(said, ModelThrottled):
            raise said
        return ModelAnswer(said, "small-1", 100, 10)

    async def close(self) -> None: ...


@dataclass
class World:
    model: FakeModel | None = field(default_factory=lambda: FakeModel([answer(finding())]))
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    limits: PromptLimits = field(default_factory=PromptLimits)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    cache: MemoryAnswers = field(default_factory=MemoryAnswers)

    @property
    def handler(self) -> ReviewHandler:
        wanted = Wanted(self.executions, ManualClock(NOON))
        return ReviewHandler(self.blobs, self.model, self.cache, wanted, self.limits)

    async def files(self) -> Outcome:
        batch = BatchDocument(0, ("shop/cart.py", "shop/new.py"), diff(), "Prices", "")
        fact = FilesReviewRequested(
            PULL_REQUEST,
            "h",
            "b",
            config_blob=await self.blobs.put(encode_document(ReviewConfig())),
            batch=Batch(0, 2, await self.blobs.put(encode_document(batch))),
        )
        return await self.handler.files(request(fact, part="0"))

    async def pull_request(self) -> Outcome:
        manifest = ManifestDocument("h", "b", "b", "Prices", "", "ada", (), (), batches=(("shop/cart.py",),))
        fact = PrReviewRequested(
            PULL_REQUEST,
            "h",
            "b",
            config_blob=await self.blobs.put(encode_document(ReviewConfig())),
            change_blob=await self.blobs.put(diff().encode()),
            manifest_blob=await self.blobs.put(encode_document(manifest)),
        )
        return await self.handler.pull_request(request(fact))

    def document(self, blob: str) -> ReviewDocument:
        return decode_document(self.blobs.data[blob], ReviewDocument)


def completed(outcome: Outcome) -> FilesReviewCompleted | PrReviewCompleted:
    assert isinstance(outcome, Emit)
    (fact,) = outcome.facts
    assert isinstance(fact, FilesReviewCompleted | PrReviewCompleted)
    return fact


async def test_a_batch_is_answered_with_its_findings_and_what_they_cost() -> None:
    world = World()
    fact = completed(await world.files())
    assert isinstance(fact, FilesReviewCompleted)
    assert (fact.outcome, fact.findings) == (AnswerOutcome.OK, 1)
    assert (fact.usage.model, fact.usage.calls, fact.usage.input_tokens) == ("small-1", 1, 100)
    assert world.document(fact.blob).summary == "Sums prices."


async def test_the_whole_is_reviewed_without_the_files_that_are_in_no_batch() -> None:
    world = World()
    fact = completed(await world.pull_request())
    assert isinstance(fact, PrReviewCompleted)
    assert world.model is not None
    assert "shop/new.py" not in world.model.asked[0].user


async def test_without_a_model_the_answer_is_skipped() -> None:
    world = World(model=None)
    for outcome in (await world.files(), await world.pull_request()):
        assert (completed(outcome).outcome, completed(outcome).reason) == (AnswerOutcome.SKIPPED, "no model")


async def test_a_redelivered_request_asks_the_model_nothing_and_costs_nothing() -> None:
    world = World()
    first, second = completed(await world.files()), completed(await world.files())
    assert world.model is not None
    assert len(world.model.asked) == 1
    assert second.blob == first.blob
    assert (second.usage.calls, second.usage.input_tokens) == (0, 0)


async def test_an_unusable_answer_fails_and_is_not_kept() -> None:
    world = World(model=FakeModel(["I would rather not", answer(finding())]))
    failed = await world.files()
    assert isinstance(failed, Failed)
    assert failed.error_class is ErrorClassification.UNKNOWN
    assert completed(await world.files()).findings == 1


async def test_a_throttled_model_fails_with_the_time_to_wait() -> None:
    world = World(model=FakeModel([ModelThrottled("429", retry_after=7)]))
    failed = await world.files()
    assert failed == Failed(
        ErrorClassification.RATE_LIMITED, "The model's provider wants to be asked less often. (429)", 7
    )


async def test_the_model_is_not_asked_for_what_was_withdrawn_meanwhile() -> None:
    world = World(executions=FakeExecutions(times=1))
    assert isinstance(await world.files(), Skip)
    assert world.model is not None
    assert world.model.asked == []


async def test_files_beyond_the_budget_are_listed_and_the_answer_is_partial() -> None:
    world = World(limits=PromptLimits(characters=10))
    fact = completed(await world.files())
    assert (fact.outcome, fact.usage.calls) == (AnswerOutcome.PARTIAL, 0)
    assert [left.path for left in world.document(fact.blob).not_reviewed] == ["shop/cart.py", "shop/new.py"]


async def test_a_missing_blob_fails_for_good() -> None:
    world = World()
    fact = FilesReviewRequested(PULL_REQUEST, "h", "b", config_blob="0" * 64, batch=Batch(0, 1, "1" * 64))
    failed = await world.handler.files(request(fact, part="0"))
    assert isinstance(failed, Failed)
    assert failed.error_class is ErrorClassification.PERMANENT


async def test_a_full_cache_forgets_what_was_asked_for_longest_ago() -> None:
    cache = MemoryAnswers(size=2)
    for key in ("a", "b"):
        await cache.put(key, ModelAnswer(key, "m"))
    await cache.get("a")
    await cache.put("c", ModelAnswer("c", "m"))
    assert [await cache.get(key) is not None for key in ("a", "b", "c")] == [True, False, True]
