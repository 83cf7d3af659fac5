"""Which model is asked, and that it is counted."""

import pytest
from prometheus_client import CollectorRegistry

from penstock_llm_review.adapters.measured import MeasuredModel
from penstock_llm_review.bootstrap import model_of
from penstock_llm_review.budget import Prices
from penstock_llm_review.errors import ModelThrottled
from penstock_llm_review.ports import Prompt
from penstock_llm_review.settings import ModelSettings
from penstock_runtime.clock import ManualClock
from penstock_runtime.errors import SettingsError
from penstock_runtime.metrics import Metrics
from penstock_runtime.settings import load
from penstock_store.spending import UNLIMITED, Amount, Scope
from tests.unit.penstock_llm_review.world import FakeModel


def chosen(**variables: str) -> str | None:
    return load(ModelSettings, {f"PENSTOCK_LLM_{name}": value for name, value in variables.items()}).chosen()


def test_without_key_and_endpoint_there_is_no_model() -> None:
    assert chosen() is None
    assert chosen(MODEL="small") is None


def test_an_endpoint_of_one_s_own_needs_no_key() -> None:
    assert chosen(URL="http://localhost:11434/v1", MODEL="small") == "small"


@pytest.mark.parametrize("variables", [{"KEY": "k"}, {"URL": "http://localhost:11434/v1"}])
def test_a_model_without_a_name_stops_the_start(variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_LLM_MODEL"):
        chosen(**variables)


async def test_the_model_that_is_put_together_is_the_chosen_one() -> None:
    metrics = Metrics(CollectorRegistry())
    settings = load(ModelSettings, {"PENSTOCK_LLM_KEY": "k", "PENSTOCK_LLM_MODEL": "small"})
    model = model_of(settings, {}, metrics, ManualClock())
    assert model is not None
    assert model.name == "small"
    await model.close()
    assert model_of(load(ModelSettings, {}), {}, metrics, ManualClock()) is None


async def test_calls_tokens_and_refusals_are_counted() -> None:
    registry = CollectorRegistry()
    model = MeasuredModel(FakeModel(["{}", ModelThrottled("429")]), Metrics(registry), ManualClock(), Prices(1.0, 10.0))
    await model.ask(Prompt("s", "u", 10))
    with pytest.raises(ModelThrottled):
        await model.ask(Prompt("s", "u", 10))
    assert registry.get_sample_value("model_calls_total", {"model": "small", "status": "ok"}) == 1
    assert registry.get_sample_value("model_calls_total", {"model": "small", "status": "rate_limited"}) == 1
    assert registry.get_sample_value("model_tokens_total", {"model": "small", "direction": "in"}) == 100
    assert registry.get_sample_value("model_quota_exceeded_total", {"model": "small"}) == 1
    assert registry.get_sample_value("model_cost_dollars_total", {"model": "small"}) == pytest.approx(200e-6)


def test_one_review_has_a_cap_of_tokens_unless_it_is_taken_away() -> None:
    assert load(ModelSettings, {}).caps.of == {Scope.RUN: Amount(2_000_000, UNLIMITED)}
    assert load(ModelSettings, {"PENSTOCK_LLM_REVIEW_TOKENS": "0"}).caps.of == {}


def test_caps_of_tokens_and_of_money_hold_beside_each_other() -> None:
    variables = {"REVIEW_COST": "0.5", "PULL_REQUEST_TOKENS": "10", "DAY_COST": "20", "PRICE_IN": "1", "PRICE_OUT": "2"}
    settings = load(ModelSettings, {f"PENSTOCK_LLM_{name}": value for name, value in variables.items()})
    assert settings.caps.of == {
        Scope.RUN: Amount(2_000_000, 500_000),
        Scope.STREAM: Amount(10, UNLIMITED),
        Scope.DAY: Amount(UNLIMITED, 20_000_000),
    }
    assert settings.prices.cost(1_000_000, 500_000) == 2.0


def test_a_cap_of_money_without_prices_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="PENSTOCK_LLM_DAY_COST limits money: set PENSTOCK_LLM_PRICE_IN"):
        chosen(DAY_COST="20", KEY="k", MODEL="small")
