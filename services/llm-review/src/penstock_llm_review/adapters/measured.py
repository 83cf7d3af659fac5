"""Counts what a model is asked and what it costs."""

from penstock_llm_review.budget import Prices
from penstock_llm_review.errors import ModelError, ModelThrottled, QuotaExceeded
from penstock_llm_review.ports import Model, ModelAnswer, Prompt
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics


class MeasuredModel:
    """Another model, with every call of it in the metrics."""

    def __init__(self, model: Model, metrics: Metrics, clock: Clock, prices: Prices) -> None:
        self._model = model
        self._prices = prices
        self._metrics = metrics
        self._clock = clock

    @property
    def name(self) -> str:
        return self._model.name

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        began, status = self._clock.monotonic(), "cancelled"
        try:
            answer = await self._model.ask(prompt)
            status = "ok"
        except ModelError as error:
            status = error.classification.value
            if isinstance(error, ModelThrottled | QuotaExceeded):
                self._metrics.model_quota_exceeded.labels(self.name).inc()
            raise
        finally:
            self._metrics.model_calls.labels(self.name, status).inc()
            self._metrics.model_duration.labels(self.name).observe(self._clock.monotonic() - began)
        self._metrics.model_tokens.labels(self.name, "in").inc(answer.input_tokens)
        self._metrics.model_tokens.labels(self.name, "out").inc(answer.output_tokens)
        cost = self._prices.cost(answer.input_tokens, answer.output_tokens)
        self._metrics.model_cost.labels(self.name).inc(cost)
        return answer

    async def close(self) -> None:
        await self._model.close()
