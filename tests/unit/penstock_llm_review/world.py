"""Both requests, with a model that is played and a store in memory around the handler."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from prometheus_client import CollectorRegistry

from penstock_changes.documents import (
    BatchDocument,
    ManifestDocument,
    ReviewConfig,
    ReviewDocument,
    decode_document,
    encode_document,
)
from penstock_contracts.facts import (
    Batch,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrReviewCompleted,
    PrReviewRequested,
)
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_llm_review.asking import answers_in
from penstock_llm_review.budget import Budget, Prices
from penstock_llm_review.errors import ModelError
from penstock_llm_review.handler import ReviewHandler
from penstock_llm_review.ports import ModelAnswer, Prompt
from penstock_llm_review.prompts import PromptLimits
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_store.memory.store import MemoryStore
from penstock_store.memory.tables import Tables
from penstock_store.spending import Caps, RunSpending
from tests.support.requests import NOON, PULL_REQUEST, FakeBlobs, FakeExecutions, request
from tests.unit.penstock_llm_review.support import answer, diff, finding

CALM = PromptLimits()
PRICES = Prices(1.0, 2.0)


@dataclass
class FakeModel:
    """Answers with these texts in turn; an error in their place is raised. `held`: not before it is let go."""

    says: list[str | ModelError]
    asked: list[Prompt] = field(default_factory=list)
    name: str = "small"
    free: asyncio.Event | None = None
    when_asked: Callable[[], None] = lambda: None

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        self.asked.append(prompt)
        said = self.says[len(self.asked) - 1]
        self.when_asked()
        if self.free is not None:
            await self.free.wait()
        if isinstance(said, ModelError):
            raise said
        return ModelAnswer(said, "small-1", 100, 10)

    async def close(self) -> None: ...


@dataclass
class World:
    model: FakeModel | None = field(default_factory=lambda: FakeModel([answer(finding())]))
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    limits: PromptLimits = CALM
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    caps: Caps = field(default_factory=Caps)
    prices: Prices = PRICES
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    tables: Tables | None = None

    def __post_init__(self) -> None:
        self.tables = self.tables or Tables(self.clock)
        self.store = MemoryStore(self.clock, tables=self.tables)
        wanted, metrics = Wanted(self.executions), Metrics(CollectorRegistry())
        self.handler = ReviewHandler(
            blobs=self.blobs,
            model=self.model,
            provider="https://models.example/v1",
            answers=answers_in(self.store.cache, metrics, timedelta(days=7), 60),
            budget=Budget(self.store.spending, self.caps, self.prices),
            wanted=wanted,
            limits=self.limits,
        )

    def restarted(self) -> "World":
        """Another process on the same store."""
        return replace(self)

    async def files(self, part: str = "0", attempt: int = 1, path: str = "shop/cart.py") -> Outcome:
        batch = BatchDocument(int(part), (path, "shop/new.py"), diff().replace("shop/cart.py", path), "Prices", "")
        fact = FilesReviewRequested(
            PULL_REQUEST,
            "h",
            "b",
            config_blob=await self.blobs.put(encode_document(ReviewConfig())),
            batch=Batch(int(part), 2, await self.blobs.put(encode_document(batch))),
        )
        event = request(fact, part=part)
        return await self.handler.files(replace(event, envelope=replace(event.envelope, attempt=attempt)))

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


def asked(world: World) -> int:
    assert world.model is not None
    return len(world.model.asked)


async def spent(world: World) -> RunSpending:
    found = await world.store.spending.of_run("run-1")
    assert found is not None
    return found
