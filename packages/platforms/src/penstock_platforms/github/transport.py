"""One pool of connections to one GitHub host, and how a single request to it is made."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx

from penstock_platforms.errors import AnswerUnreadable, MaybeSent, RequestRefused
from penstock_platforms.github.failures import from_answer, from_exception
from penstock_platforms.limits import Limits
from penstock_platforms.outgoing import settings_of
from penstock_runtime.metrics import Metrics
from penstock_runtime.outgoing import OutgoingClient
from penstock_runtime.retry import FAST, FailedAttempt, log_retry, retrying

DEFAULT_URL = "https://api.github.com"
JSON = "application/vnd.github+json"
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="next"')
_REDIRECTS = 3
_AGAIN = replace(FAST, attempts=2)
_DROPPED = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""What is raised where the other side closed a connection, such as one kept alive that it had done with."""
RECONNECTING = "platform read"
"""What is tried again, as metrics say it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Connection:
    """Sends one request at a time to one host. A read whose connection was closed before an answer began is sent once
    more; anything else, and any write, is tried once: who asked decides what follows."""

    client: httpx.AsyncClient
    limits: Limits = field(default_factory=Limits)
    now: Callable[[], datetime] = utc_now
    metrics: Metrics | None = None

    @classmethod
    def open(
        cls,
        url: str,
        token: str,
        *,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> Connection:
        limits = limits or Limits()
        client = OutgoingClient(
            settings_of(limits),
            metrics,
            base_url=url.rstrip("/") + "/",
            transport=transport,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": JSON,
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "penstock",
            },
        )
        client.timeout = httpx.Timeout(limits.call, connect=limits.connect, pool=limits.connect)
        return cls(client, limits, now, metrics)

    async def aclose(self) -> None:
        await self.client.aclose()

    @property
    def graphql(self) -> str:
        """Beside the REST interface at github.com, beside its folder `api/v3` on an Enterprise Server."""
        base = str(self.client.base_url).rstrip("/")
        return f"{base.removesuffix('/v3')}/graphql"

    async def read(self, path: str, *, params: Mapping[str, str] | None = None, accept: str = JSON) -> Answer:
        return await self._exchange("GET", path, params=params, accept=accept)

    async def write(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Answer:
        return await self._exchange(method, path, payload=payload)

    async def pages(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
        """Every page of a list, decoded, until there is no next one or the cap on pages is reached."""
        following = path
        query: Mapping[str, str] | None = {"per_page": "100", **(params or {})}
        for _ in range(self.limits.pages):
            answer = await self.read(following, params=query)
            yield decode_json(answer, list)
            found = _NEXT.search(answer.headers.get("link", ""))
            if found is None:
                return
            following, query = str(self._same_host(found.group(1))), None
        raise AnswerUnreadable(f"a list of more than {self.limits.pages} pages")

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
        payload: Mapping[str, Any] | None = None,
    ) -> Answer:
        write = method != "GET"
        content = None if payload is None else json.dumps(payload).encode()
        headers = {"Accept": accept} | ({} if content is None else {"Content-Type": "application/json"})
        request = self.client.build_request(method, path, params=params, content=content, headers=headers)
        for _ in range(_REDIRECTS + 1):
            answer = await self._send(request, write=write)
            if not _moved(answer, write=write):
                return answer
            target = self._same_host(answer.headers["location"])
            request = self.client.build_request(method, target, content=content, headers=headers)
        raise RequestRefused("redirected too often", status=answer.status)

    async def _send(self, request: httpx.Request, *, write: bool) -> Answer:
        try:
            async with asyncio.timeout(self.limits.total):
                response = await retrying(
                    _AGAIN,
                    partial(self.client.send, request, stream=True),
                    retryable=_DROPPED,
                    when=lambda _: not write,
                    on_retry=self._dropped,
                )
                try:
                    body = await self._body(response, write=write)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise from_exception(httpx.ReadTimeout("", request=request), write=write) from None
        except httpx.HTTPError as error:
            raise from_exception(error, write=write) from None
        if response.status_code >= 400:
            raise from_answer(response, body, write=write, now=self.now)
        return Answer(response.status_code, response.headers, body)

    def _dropped(self, failed: FailedAttempt) -> None:
        log_retry(failed)
        if self.metrics is not None:
            exhausted = failed.delay is None
            counter = self.metrics.retries_exhausted if exhausted else self.metrics.retries
            counter.labels(RECONNECTING).inc()

    async def _body(self, response: httpx.Response, *, write: bool) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self.limits.answer:
                too_big = MaybeSent if write else AnswerUnreadable
                raise too_big(f"an answer of more than {self.limits.answer} bytes", status=response.status_code)
        return bytes(body)

    def _same_host(self, url: str) -> httpx.URL:
        """The token goes to its own host and nowhere else."""
        target = self.client.base_url.join(url)
        base = self.client.base_url
        if (target.scheme, target.host, target.port) != (base.scheme, base.host, base.port):
            raise RequestRefused("sent to another host, which does not get our token")
        return target


def decode_json(answer: Answer, kind: type) -> Any:
    """The JSON of an answer to a read, which must be a `kind`."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise AnswerUnreadable("no JSON", status=answer.status) from None
    if not isinstance(told, kind):
        raise AnswerUnreadable(f"no {kind.__name__}", status=answer.status)
    return told


def _moved(answer: Answer, *, write: bool) -> bool:
    """Whether it is to be asked for elsewhere. Of a write only 307 and 308 promise that it was not carried out."""
    codes = (307, 308) if write else (301, 302, 307, 308)
    return answer.status in codes and "location" in answer.headers
