"""A client of the jobs API, for the command line."""

from collections.abc import Mapping
from types import TracebackType
from typing import TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from penstock.operating.errors import (
    ConsoleRefused,
    ConsoleUnreachable,
    NoAddress,
    NoConsole,
    NotAdmitted,
    NotUnderstood,
    TokenUnusable,
)
from penstock_console.views import (
    AskedFor,
    BlockedStreams,
    DeadLetterPage,
    ForgottenEntries,
    History,
    JobPage,
    JobWithStages,
    Repaired,
    ShownLetter,
)
from penstock_runtime import parsers

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SECONDS = 15.0
M = TypeVar("M", bound=BaseModel)


class Console:
    """Every method may raise ConsoleUnreachable, NotAdmitted, NotUnderstood or ConsoleRefused; what is made of an
    address or a token that cannot be one raises NotUnderstood."""

    def __init__(self, base: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        if not (token.isascii() and token.isprintable()):
            raise TokenUnusable
        self._base = base
        try:
            address = parsers.url("https", "http").read(base)
            self._client = httpx.AsyncClient(
                base_url=f"{address}/workflow-queue/",
                headers={"authorization": f"Bearer {token}"} if token else {},
                timeout=_SECONDS,
                trust_env=urlsplit(address).hostname not in _LOOPBACK,  # no proxy between us and our own host
                transport=transport,
            )
        except (ValueError, httpx.InvalidURL):
            raise NoAddress(base) from None

    async def __aenter__(self) -> "Console":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def jobs(self, filters: Mapping[str, str]) -> JobPage:
        return await self._told(JobPage, "GET", "jobs", params=filters)

    async def job(self, job_id: str) -> JobWithStages:
        return await self._told(JobWithStages, "GET", f"jobs/{_segment(job_id)}")

    async def history(self, job_id: str) -> History:
        return await self._told(History, "GET", f"jobs/{_segment(job_id)}/history")

    async def ask(self, job_id: str, action: str, wanted: Mapping[str, str]) -> AskedFor:
        path = f"jobs/{_segment(job_id)}/{action}"
        return await self._told(AskedFor, "POST", path, body=wanted)

    async def dead_letters(self, filters: Mapping[str, str]) -> DeadLetterPage:
        return await self._told(DeadLetterPage, "GET", "dead-letters", params=filters)

    async def dead_letter(self, letter_id: str) -> ShownLetter:
        return await self._told(ShownLetter, "GET", f"dead-letters/{_segment(letter_id)}")

    async def blocked_streams(self) -> BlockedStreams:
        return await self._told(BlockedStreams, "GET", "blocked-streams")

    async def repair(self, letter_id: str, action: str, given: Mapping[str, str]) -> Repaired:
        path = f"dead-letters/{_segment(letter_id)}/{action}"
        return await self._told(Repaired, "POST", path, body=given)

    async def unblock(self, stream: str, given: Mapping[str, str]) -> Repaired:
        path = f"blocked-streams/{_segment(stream)}/unblock"
        return await self._told(Repaired, "POST", path, body=given)

    async def forget(self, chosen: Mapping[str, str]) -> ForgottenEntries:
        return await self._told(ForgottenEntries, "DELETE", "cache", params=chosen)

    async def _told(
        self,
        model: type[M],
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> M:
        content = await self._answer(method, path, params=params, body=body)
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise NoConsole(self._base) from error

    async def _answer(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
    ) -> bytes:
        try:
            answer = await self._client.request(method, path, params=params, json=body)
        except httpx.HTTPError as error:
            raise ConsoleUnreachable(self._base, str(error) or type(error).__name__) from error
        if answer.is_success:
            return answer.content
        detail = _detail(answer)
        if answer.status_code in (401, 403):
            raise NotAdmitted(detail)
        if answer.status_code == 422:
            raise NotUnderstood(detail)
        if answer.status_code >= 500:
            raise ConsoleUnreachable(self._base, detail)
        raise ConsoleRefused(detail)


def _segment(job_id: str) -> str:
    return quote(job_id, safe="")


def _detail(answer: httpx.Response) -> str:
    """What the API says of its refusal; the bare code where something else answers in its place."""
    try:
        told = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
    if isinstance(told, list):
        return "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in told)
    return str(told)
