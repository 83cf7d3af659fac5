"""Asking an endpoint that speaks the chat-completions form."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from penstock_contracts.enums import ErrorClassification
from penstock_llm_review.adapters.chat import ChatModel
from penstock_llm_review.errors import (
    AnswerUnusable,
    ModelCutOff,
    ModelError,
    ModelFailed,
    ModelNotReached,
    ModelRefused,
    ModelThrottled,
    ModelTimeout,
    QuotaExceeded,
)
from penstock_llm_review.ports import ModelAnswer, Prompt

KEY = "key-that-nobody-may-see"
PROMPT = Prompt("You review.", "The diff", max_tokens=99)
COMPLETION = {
    "model": "small-1",
    "choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3},
}
Handler = Callable[[httpx.Request], httpx.Response]


async def ask(handler: Handler, url: str = "http://models.local/v1", seconds: float = 5) -> ModelAnswer:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), headers={"authorization": f"Bearer {KEY}"})
    model = ChatModel(client, url, "small", seconds, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    try:
        return await model.ask(PROMPT)
    finally:
        await model.close()


def status(code: int, body: object = None, **headers: str) -> Handler:
    return lambda _: httpx.Response(
        code, json=body, headers={name.replace("_", "-"): headers[name] for name in headers}
    )


async def test_an_answer_carries_its_text_model_and_tokens() -> None:
    assert await ask(status(200, COMPLETION)) == ModelAnswer("{}", "small-1", 12, 3)


async def test_the_question_is_sent_once_in_the_form_of_the_endpoint() -> None:
    seen: list[httpx.Request] = []

    def handler(sent: httpx.Request) -> httpx.Response:
        seen.append(sent)
        return httpx.Response(200, json=COMPLETION)

    await ask(handler, "http://models.local/v1/")
    await ask(handler, "https://api.openai.com/v1")
    local, openai = (json.loads(each.content) for each in seen)
    assert [str(each.url) for each in seen] == [
        "http://models.local/v1/chat/completions",
        "https://api.openai.com/v1/chat/completions",
    ]
    assert (local["max_tokens"], local["temperature"], local["model"]) == (99, 0, "small")
    assert openai["max_completion_tokens"] == 99
    assert "temperature" not in openai


async def test_an_answer_that_was_cut_off_says_so() -> None:
    cut = COMPLETION | {"choices": [{"message": {"content": "{"}, "finish_reason": "length"}]}
    assert (await ask(status(200, cut))).cut_off


@pytest.mark.parametrize(
    ("handler", "error", "classification"),
    [
        (status(429, {}, retry_after="7"), ModelThrottled, ErrorClassification.RATE_LIMITED),
        (status(429, {"error": {"code": "insufficient_quota"}}), QuotaExceeded, ErrorClassification.PERMANENT),
        (status(408), ModelFailed, ErrorClassification.TRANSIENT),
        (status(500), ModelFailed, ErrorClassification.TRANSIENT),
        (status(503), ModelFailed, ErrorClassification.TRANSIENT),
        (status(400), ModelRefused, ErrorClassification.PERMANENT),
        (status(422), ModelRefused, ErrorClassification.PERMANENT),
        (status(401, {"error": {"code": "invalid_api_key"}}), ModelRefused, ErrorClassification.PERMANENT),
        (status(404), ModelRefused, ErrorClassification.PERMANENT),
        (status(302), ModelRefused, ErrorClassification.PERMANENT),
        (status(200, {"choices": []}), AnswerUnusable, ErrorClassification.UNKNOWN),
        (status(200, {"choices": [{"message": {"content": None}}]}), AnswerUnusable, ErrorClassification.UNKNOWN),
        (status(200, "text"), AnswerUnusable, ErrorClassification.UNKNOWN),
    ],
)
async def test_what_went_wrong_is_told_by_type(
    handler: Handler, error: type[ModelError], classification: ErrorClassification
) -> None:
    with pytest.raises(error) as caught:
        await ask(handler)
    assert caught.value.classification is classification


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (httpx.ConnectError("refused"), ModelNotReached),
        (httpx.ConnectError("name or service not known"), ModelNotReached),
        (httpx.ConnectTimeout("slow"), ModelNotReached),
        (httpx.ReadTimeout("slow"), ModelTimeout),
        (httpx.ReadError("reset"), ModelCutOff),
        (httpx.RemoteProtocolError("rubbish"), ModelCutOff),
    ],
)
async def test_a_broken_connection_is_told_by_type(raised: httpx.HTTPError, error: type[ModelError]) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise raised

    with pytest.raises(error) as caught:
        await ask(handler)
    assert caught.value.classification is ErrorClassification.TRANSIENT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "Thu, 01 Jan 2026 00:01:00 GMT"}, 60.0),
        ({"x_ratelimit_reset": "1767225690"}, 90.0),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
async def test_a_rate_limit_tells_how_long_it_lasts(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(ModelThrottled) as caught:
        await ask(status(429, {}, **headers))
    assert caught.value.retry_after == seconds


async def test_an_error_repeats_nothing_that_the_provider_said() -> None:
    quoting = {"error": {"code": f"bad key {KEY}", "message": f"Incorrect API key provided: {KEY}"}}
    with pytest.raises(ModelRefused) as caught:
        await ask(status(401, quoting))
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
