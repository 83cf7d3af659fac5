"""What an answer costs: nothing a second time, and never more than the budget (F6, N10)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_eventlog.outcomes import Failed, Outcome, Skip
from penstock_llm_review.errors import AnswerUnusable, ModelError, ModelFailed, ModelTimeout
from penstock_llm_review.ports import Prompt
from penstock_runtime.steps import Crashed
from penstock_store.spending import UNLIMITED, Amount, Caps, Scope
from tests.support.requests import FakeExecutions
from tests.support.waiting import eventually
from tests.unit.penstock_llm_review.support import answer, finding
from tests.unit.penstock_llm_review.world import FakeModel, World, asked, completed, spent

GOOD = answer(finding())


def capped(tokens: int, cost: int = UNLIMITED, settles_within: float = 120) -> Caps:
    return Caps({Scope.RUN: Amount(tokens, cost)}, timedelta(seconds=settles_within))


async def one_call() -> Amount:
    """What is reserved for a call on the usual batch."""
    world = World()
    await world.files()
    assert world.model is not None
    return world.handler.budget.most(world.model.asked[0])


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


async def test_after_a_restart_a_redelivered_request_asks_the_model_nothing() -> None:
    world = World()
    first = completed(await world.files())  # and the process is killed before this is said

    second = completed(await world.restarted().files())

    assert asked(world) == 1
    assert second.blob == first.blob
    assert (second.usage.calls, second.usage.cost) == (0, 0.0)
    assert (await spent(world)).calls == 1


async def test_the_next_attempt_and_the_next_run_of_the_same_question_cost_nothing() -> None:
    world = World()
    await world.files()
    assert completed(await world.files(attempt=2)).usage.calls == 0
    assert asked(world) == 1


async def test_the_same_request_twice_at_once_in_two_processes_asks_once() -> None:
    free = asyncio.Event()
    world = World(model=FakeModel([GOOD], free=free))
    first = asyncio.create_task(world.files())
    await eventually(lambda: asked(world))
    second = asyncio.create_task(world.restarted().files())
    third = asyncio.create_task(world.files())
    await asyncio.sleep(0)
    free.set()

    answers = [completed(outcome) for outcome in await asyncio.gather(first, second, third)]

    assert asked(world) == 1
    assert sorted(fact.usage.calls for fact in answers) == [0, 0, 1]
    assert len({fact.blob for fact in answers}) == 1


async def test_answers_are_not_forgotten_with_the_configuration() -> None:
    world = World()
    await world.files()
    await world.store.cache.forget("configuration")
    await world.files()
    assert asked(world) == 1


async def test_another_provider_s_answer_is_another_answer() -> None:
    world = World(model=FakeModel([GOOD, GOOD]))
    await world.files()
    elsewhere = replace(world.handler, provider="https://other.example/v1")
    world.handler = elsewhere
    await world.files()
    assert asked(world) == 2


async def test_a_call_is_reserved_before_it_is_made_and_settled_after_it() -> None:
    most = await one_call()
    world = World()
    assert world.model is not None
    reserved: list[Amount] = []
    tables = world.tables
    assert tables is not None
    world.model.when_asked = lambda: reserved.extend(call.spent for call in tables.spending.values())

    fact = completed(await world.files())

    assert reserved == [most]
    assert (await spent(world)).spent == Amount(110, 120)
    assert fact.usage.cost == pytest.approx(120e-6)


async def test_killed_between_reserving_and_settling_it_counts_as_spent() -> None:
    most = await one_call()
    world = World(caps=capped(most.tokens * 2 - 1), model=FakeModel([GOOD, GOOD]))
    assert world.model is not None

    def killed() -> None:
        raise Crashed

    world.model.when_asked = killed
    with pytest.raises(Crashed):
        await world.files()
    world.model.when_asked = lambda: None
    world.clock.advance(130)

    refused = failure(await world.restarted().files())

    assert (refused.error_class, asked(world)) == (ErrorClassification.PERMANENT, 1)
    assert "budget is spent" in refused.error
    known = await spent(world)
    assert (known.calls, known.unsettled, known.spent) == (1, 1, most)


async def test_a_redelivered_request_reserves_anew_where_its_first_call_was_killed() -> None:
    most = await one_call()
    world = World(caps=capped(most.tokens * 2), model=FakeModel([GOOD, GOOD]))
    assert world.model is not None

    def killed() -> None:
        raise Crashed

    world.model.when_asked = killed
    with pytest.raises(Crashed):
        await world.files()
    world.model.when_asked = lambda: None
    world.clock.advance(130)

    assert completed(await world.restarted().files()).outcome is AnswerOutcome.OK

    known = await spent(world)
    assert (known.calls, known.unsettled, known.spent) == (2, 1, most + Amount(110, 120))


async def test_a_part_that_the_budget_does_not_allow_fails_for_good_and_says_why() -> None:
    world = World(caps=capped(50))
    refused = failure(await world.files())
    assert refused.error_class is ErrorClassification.PERMANENT
    assert refused.error.startswith("The model budget is spent. (for one review: 0 of 50 tokens are spent, this call")
    assert asked(world) == 0


async def test_money_is_told_as_money() -> None:
    world = World(caps=capped(UNLIMITED, cost=1))
    assert "(for one review: 0.00 of 0.00 are spent, this call may cost 0.0" in failure(await world.files()).error


async def test_where_calls_under_way_hold_the_rest_it_is_worth_to_ask_again() -> None:
    most = await one_call()
    free = asyncio.Event()
    world = World(caps=capped(most.tokens * 2 - 1), model=FakeModel([GOOD, GOOD], free=free))
    first = asyncio.create_task(world.files())
    await eventually(lambda: asked(world))

    held = failure(await world.restarted().files(part="1", path="shop/cars.py"))
    assert (held.error_class, held.retry_after) == (ErrorClassification.TRANSIENT, 60)

    free.set()
    completed(await first)
    assert completed(await world.files(part="1", path="shop/cars.py")).outcome is AnswerOutcome.OK


async def test_together_the_parts_of_a_review_never_spend_more_than_its_budget() -> None:
    most = await one_call()
    cap = most.tokens * 3 + 10
    world = World(caps=capped(cap), model=FakeModel([ModelTimeout()] * 8))
    paths = [f"shop/car{number}.py" for number in range(8)]

    outcomes = await asyncio.gather(*(world.files(str(number), path=path) for number, path in enumerate(paths)))

    assert asked(world) == 3, "a model that did not answer may still be charged for"
    assert sum("budget" in failure(outcome).error for outcome in outcomes) == 5
    assert (await spent(world)).spent.tokens <= cap


@pytest.mark.parametrize(
    ("error", "kept"), [(ModelTimeout(), True), (AnswerUnusable("empty"), True), (ModelFailed("503"), False)]
)
async def test_a_failed_call_costs_something_only_where_it_may_be_charged(error: ModelError, kept: bool) -> None:
    most = await one_call()
    world = World(model=FakeModel([error]))
    failure(await world.files())
    assert (await spent(world)).spent == (most if kept else Amount())


async def test_an_answer_that_cannot_be_read_was_paid_for_all_the_same() -> None:
    world = World(model=FakeModel(["I would rather not", GOOD]))
    failure(await world.files())
    assert (await spent(world)).spent.tokens == 110
    assert completed(await world.files()).usage.calls == 1


async def test_what_was_withdrawn_meanwhile_reserves_nothing() -> None:
    world = World(executions=FakeExecutions(times=1))
    assert isinstance(await world.files(), Skip)
    assert await world.store.spending.of_run("run-1") is None


async def test_no_call_can_cost_more_than_is_reserved_for_it() -> None:
    budget = World().handler.budget
    prompt = Prompt("ä" * 10, "漢" * 10, 100)
    assert budget.most(prompt) == Amount(20 + 30 + 64 + 100, 114 + 200)
