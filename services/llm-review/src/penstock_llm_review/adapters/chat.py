"""Any endpoint that speaks the chat-completions form of OpenAI."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
from penstock_runtime.asked_wait import asked_wait

_OPENAI = "api.openai.com"
_LARGEST_ANSWER = 4 * 1024 * 1024


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Message(_Shape):
    content: str | None = None


class _Choice(_Shape):
    message: _Message
    finish_reason: str | None = None


class _Tokens(_Shape):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Completion(_Shape):
    choices: list[_Choice] = Field(min_length=1)
    model: str = ""
    usage: _Tokens | None = None


class _Reason(_Shape):
    code: str | int | None = None
    type: str | None = None


class _Refusal(_Shape):
    error: _Reason


class ChatModel:
    """One model behind one address; owns its client. The key travels in the client's header and nowhere else."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        name: str,
        seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._url = url.rstrip("/") + "/chat/completions"
        self._name = name
        self._seconds = seconds
        self._now = now

    @property
    def name(self) -> str:
        return self._name

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.post(self._url, json=self._body(prompt), timeout=self._seconds)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise ModelNotReached(type(error).__name__) from None
        except (TimeoutError, httpx.TimeoutException):
            raise ModelTimeout(f"{self._seconds:g} s") from None
        except httpx.HTTPError as error:
            raise ModelCutOff(type(error).__name__) from None
        if not response.is_success:
            raise _refused(response, self._now())
        return self._answer(response)

    async def close(self) -> None:
        await self._client.aclose()

    def _body(self, prompt: Prompt) -> dict[str, object]:
        body: dict[str, object] = {
            "model": self._name,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "response_format": {"type": "json_object"},
        }
        # OpenAI's newer models refuse the two fields that everybody else's endpoints know.
        if urlsplit(self._url).hostname == _OPENAI:
            return body | {"max_completion_tokens": prompt.max_tokens}
        return body | {"max_tokens": prompt.max_tokens, "temperature": 0}

    def _answer(self, response: httpx.Response) -> ModelAnswer:
        if len(response.content) > _LARGEST_ANSWER:
            raise AnswerUnusable("too large")
        try:
            said = _Completion.model_validate_json(response.content)
        except ValidationError:
            raise AnswerUnusable("no chat completion") from None
        choice = said.choices[0]
        if not choice.message.content:
            raise AnswerUnusable(f"empty, finished with {choice.finish_reason or 'nothing'}")
        tokens = said.usage or _Tokens()
        return ModelAnswer(
            text=choice.message.content,
            model=said.model or self._name,
            input_tokens=tokens.prompt_tokens,
            output_tokens=tokens.completion_tokens,
            cut_off=choice.finish_reason == "length",
        )


def _refused(response: httpx.Response, now: datetime) -> ModelError:
    """By the status, and for 429 by the code in the body, which says whether waiting helps."""
    status, code = response.status_code, _code(response)
    detail = f"{status} {code}".strip()
    if status == 429 and code == "insufficient_quota":
        return QuotaExceeded(detail)
    if status == 429:
        return ModelThrottled(detail, retry_after=asked_wait(response.headers, now))
    if status in (408, 409) or status >= 500:
        return ModelFailed(detail, retry_after=asked_wait(response.headers, now))
    return ModelRefused(detail)


def _code(response: httpx.Response) -> str:
    """A word of the provider's own vocabulary; anything else could quote what we sent."""
    try:
        reason = _Refusal.model_validate_json(response.content).error
    except ValidationError:
        return ""
    code = str(reason.code or reason.type or "")
    return code if len(code) <= 40 and code.replace("_", "").isalnum() else ""
