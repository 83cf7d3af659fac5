"""A process that handles one request for a file review as llm-review does, and can die like one that is killed.

`python -m tests.integration.penstock_workers.asker DATABASE MODEL POINT`: dies when `asked`, with the answer under way,
or when `handled`, before anybody was told; else it prints how many calls it made. At the point `together` it says that
it is ready and waits for a line.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import httpx
from prometheus_client import CollectorRegistry

from penstock_changes.documents import BatchDocument, ReviewConfig, encode_document
from penstock_contracts.facts import Batch, FilesReviewCompleted, FilesReviewRequested
from penstock_eventlog.outcomes import Emit
from penstock_eventlog.wanted import Wanted
from penstock_llm_review.adapters.chat import ChatModel
from penstock_llm_review.asking import answers_in
from penstock_llm_review.budget import Budget, Prices
from penstock_llm_review.handler import ReviewHandler
from penstock_llm_review.ports import ModelAnswer, Prompt
from penstock_llm_review.prompts import PromptLimits
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import die
from penstock_store.postgres.store import PostgresStore
from penstock_store.spending import Caps
from tests.support.requests import PULL_REQUEST, FakeExecutions, request
from tests.unit.penstock_llm_review.support import diff


class Mortal(ChatModel):
    """Asks in earnest, and dies with the answer in its hands where it shall."""

    point = ""

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        answer = await super().ask(prompt)
        if self.point == "asked":
            die()
        return answer


async def main(database: str, model: str, point: str) -> None:
    store = await PostgresStore.open(database)
    async with httpx.AsyncClient(headers={"authorization": "Bearer k"}) as client:
        mortal = Mortal(client, model, "small", 30)
        mortal.point = point
        handler = ReviewHandler(
            blobs=store.blobs,
            model=mortal,
            provider=model,
            answers=answers_in(store.cache, Metrics(CollectorRegistry()), timedelta(days=7), 30),
            budget=Budget(store.spending, Caps(), Prices()),
            wanted=Wanted(FakeExecutions()),
            limits=PromptLimits(),
        )
        batch = BatchDocument(0, ("shop/cart.py", "shop/new.py"), diff(), "Prices", "")
        fact = FilesReviewRequested(
            PULL_REQUEST,
            "h",
            "b",
            config_blob=await store.blobs.put(encode_document(ReviewConfig())),
            batch=Batch(0, 2, await store.blobs.put(encode_document(batch))),
        )
        if point == "together":
            print("ready", flush=True)
            sys.stdin.readline()
        outcome = await handler.files(request(fact, part="0", not_after=datetime.now(UTC) + timedelta(hours=1)))
        if point == "handled":
            die()
        assert isinstance(outcome, Emit), outcome
        (completed,) = outcome.facts
        assert isinstance(completed, FilesReviewCompleted)
        print(completed.usage.calls)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
