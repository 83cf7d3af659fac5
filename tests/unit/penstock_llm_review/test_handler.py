"""Both requests, with fakes for everything around."""

from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_contracts.facts import Batch, FilesReviewCompleted, FilesReviewRequested, PrReviewCompleted
from penstock_eventlog.outcomes import Failed, Skip
from penstock_llm_review.errors import ModelThrottled
from penstock_llm_review.prompts import PromptLimits
from tests.support.requests import PULL_REQUEST, FakeExecutions, request
from tests.unit.penstock_llm_review.support import answer, finding
from tests.unit.penstock_llm_review.world import FakeModel, World, completed


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
