"""A client of the jobs API, for the command line."""

from collections.abc import Mapping
from types import TracebackType
from typing import TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from penstock.operating.errors import (
    ConsoleRefused,
    ConsoleUnable,
    ConsoleUnreachable,
    NoAddress,
    NoConsole,
    NotAdmitted,
    NotUnderstood,
    OperatingError,
    TokenUnusable,
    TooLong,
)
from penstock.operating.waiting import telling
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
_TOO_MANY = 429
_LONGEST = 8_000
"""Octets of a path with its query; servers and what stands before them take no more."""
_NO_PATH = frozenset({"Not Found", "Method Not Allowed"})
"""What is answered where the path itself is not known, which says nothing of a job or a letter."""
M = TypeVar("M", bound=BaseModel)


class Console:
    """Every method may raise ConsoleUnreachable, NotAdmitted, NotUnderstood or ConsoleRefused; making one of an address
    or a token that cannot be one raises NotUnderstood."""

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
        return await self._told(JobWithStages, "GET", f"jobs/{_segment('job', job_id)}")

    async def history(self, job_id: str) -> History:
        return await self._told(History, "GET", f"jobs/{_segment('job', job_id)}/history")

    async def ask(self, job_id: str, action: str, wanted: Mapping[str, str]) -> AskedFor:
        path = f"jobs/{_segment('job', job_id)}/{action}"
        return await self._told(AskedFor, "POST", path, body=wanted)

    async def dead_letters(self, filters: Mapping[str, str]) -> DeadLetterPage:
        return await self._told(DeadLetterPage, "GET", "dead-letters", params=filters)

    async def dead_letter(self, letter_id: str) -> ShownLetter:
        return await self._told(ShownLetter, "GET", f"dead-letters/{_segment('dead letter', letter_id)}")

    async def blocked_streams(self) -> BlockedStreams:
        return await self._told(BlockedStreams, "GET", "blocked-streams")

    async def repair(self, letter_id: str, action: str, given: Mapping[str, str]) -> Repaired:
        path = f"dead-letters/{_segment('dead letter', letter_id)}/{action}"
        return await self._told(Repaired, "POST", path, body=given)

    async def unblock(self, stream: str, given: Mapping[str, str]) -> Repaired:
        path = f"blocked-streams/{quote(stream, safe='')}/unblock"
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
            raise NoConsole(self._base, "another answer") from error

    async def _answer(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
    ) -> bytes:
        request = self._request(method, path, params, body)
        try:
            with telling(f"the jobs API at {self._base}"):
                answer = await self._client.send(request)
        except httpx.TimeoutException as error:
            raise ConsoleUnreachable(self._base, f"no answer within {_SECONDS:g} s") from error
        except httpx.HTTPError as error:
            raise ConsoleUnreachable(self._base, str(error) or type(error).__name__) from error
        if answer.is_success:
            return answer.content
        raise self._refusal(answer)

    def _request(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, str] | None
    ) -> httpx.Request:
        """Raises TooLong."""
        try:
            request = self._client.build_request(method, path, params=params, json=body)
        except httpx.InvalidURL:
            raise TooLong(_LONGEST) from None
        if len(request.url.raw_path) > _LONGEST:
            raise TooLong(_LONGEST)
        return request

    def _refusal(self, answer: httpx.Response) -> OperatingError:
        status, detail = answer.status_code, _detail(answer)
        bare = f"HTTP {status}"
        if status in (401, 403):
            return NotAdmitted(detail or bare)
        if status >= 500 or status == _TOO_MANY:
            return ConsoleUnable(self._base, detail or bare)
        if not detail or detail in _NO_PATH:
            return NoConsole(self._base, bare)
        return NotUnderstood(detail) if status == 422 else ConsoleRefused(detail)


def _segment(what: str, name: str) -> str:
    """One that would be another path is the name of nothing. Raises ConsoleRefused."""
    if name in ("", ".", "..") or "/" in name:
        raise ConsoleRefused(f"there is no {what} {name!r}")
    return quote(name, safe="")


def _detail(answer: httpx.Response) -> str:
    """What the API says of its refusal; nothing where something else answers in its place."""
    try:
        told = answer.json()["detail"]
        if isinstance(told, list):
            return "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in told)
    except (ValueError, LookupError, TypeError):
        return ""
    return str(told)
