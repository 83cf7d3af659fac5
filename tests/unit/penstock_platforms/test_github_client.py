"""GitHub's client passes the platform suite, in process and over TCP; and what only it can be asked."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import (
    AnswerLost,
    AnswerUnreadable,
    MaybeSent,
    NotSent,
    PlatformError,
    RateLimited,
    RequestRefused,
)
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_platforms.github.client import GitHub
from penstock_platforms.github.transport import RECONNECTING
from penstock_platforms.limits import Limits
from penstock_runtime.metrics import Metrics
from tests.suites.platforms import PlatformSuite, Scene, staged

REF = PullRequestRef("github", "forge", "1", "acme/shop", 7)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "ghp_thisIsTheToken"


class TestGitHubInProcess(PlatformSuite):
    @pytest.fixture
    async def scene(self, tmp_path: Path) -> AsyncIterator[Scene]:
        async with Forge(tmp_path, port=None) as forge:

            def connect(limits: Limits) -> GitHub:
                return GitHub.connect(
                    TOKEN, url=forge.api_url, instance="forge", limits=limits, transport=forge.transport()
                )

            async with staged(forge, connect) as scene:
                yield scene


class TestGitHubOverTcp(PlatformSuite):
    @pytest.fixture
    async def scene(self, tmp_path: Path) -> AsyncIterator[Scene]:
        async with Forge(tmp_path) as forge:

            def connect(limits: Limits) -> GitHub:
                return GitHub.connect(TOKEN, url=forge.api_url, instance="forge", limits=limits)

            async with staged(forge, connect) as scene:
                yield scene


def answering(answer: Callable[[httpx.Request], httpx.Response], limits: Limits | None = None) -> GitHub:
    transport = httpx.MockTransport(answer)
    return GitHub.connect(SECRET, instance="forge", transport=transport, limits=limits, now=lambda: NOW)


async def test_a_host_that_refuses_connections_was_not_sent_anything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = GitHub.connect(TOKEN, url=f"http://127.0.0.1:{port}")
    with pytest.raises(NotSent) as raised:
        await client.create_comment(REF, "hello")
    assert raised.value.classification is ErrorClassification.TRANSIENT
    await client.aclose()


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ConnectError, httpx.ProxyError])
async def test_what_fails_before_the_request_leaves_was_not_sent(error: type[httpx.TransportError]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error(f"while asking {request.url}", request=request)

    with pytest.raises(NotSent):
        await answering(fail).create_comment(REF, "hello")


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
)
async def test_what_fails_after_the_request_left_may_have_been_sent(error: type[httpx.TransportError]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("", request=request)

    client = answering(fail)
    with pytest.raises(MaybeSent):
        await client.create_comment(REF, "hello")
    with pytest.raises(AnswerLost) as raised:
        await client.comments(REF)
    assert type(raised.value) is AnswerLost


async def test_a_read_whose_connection_is_closed_is_tried_once_more_and_counted_and_no_write_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[str] = []

    def hang_up(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)

    metrics = Metrics(CollectorRegistry())
    client = GitHub.connect(SECRET, instance="forge", transport=httpx.MockTransport(hang_up), metrics=metrics)
    with caplog.at_level(logging.INFO, "penstock_runtime.retry"):
        with pytest.raises(AnswerLost):
            await client.comments(REF)
        with pytest.raises(MaybeSent):
            await client.create_comment(REF, "hello")

    assert asked == ["GET", "GET", "POST"]
    for name in ("retries_total", "retries_exhausted_total"):
        assert metrics.registry.get_sample_value(name, {"what": RECONNECTING}) == 1
    assert [(record.getMessage(), vars(record)["attempt"], vars(record)["maximum"]) for record in caplog.records] == [
        ("retrying", 1, 2),
        ("retries exhausted", 2, 2),
    ]


async def test_a_connection_that_the_host_had_done_with_is_replaced_without_a_failure() -> None:
    """It is kept alive, and closed just as the next request arrives on it, as a host does that restarts."""
    asked = 0
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked += 1
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")
            await reader.readuntil(b"\r\n\r\n")
            asked += 1
        writer.close()
        await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        client = GitHub.connect(TOKEN, url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(2):
            assert await client.comments(REF) == ()
        assert (asked, len(connections)) == (3, 2)
        await client.aclose()
        await asyncio.gather(*connections)


async def test_a_write_answered_with_rubbish_may_have_been_sent() -> None:
    client = answering(lambda request: httpx.Response(201, text="<html>proxy</html>"))
    with pytest.raises(MaybeSent):
        await client.create_comment(REF, "hello")


@pytest.mark.parametrize("body", [b"[1, 2", b"{}", b"null", b'[{"id": true}]', b"[" * 100_000], ids=len)
async def test_a_read_answered_with_rubbish_is_unreadable(body: bytes) -> None:
    client = answering(lambda request: httpx.Response(200, content=body))
    with pytest.raises(AnswerUnreadable):
        await client.comments(REF)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "12"}, 12.0),
        (403, {"retry-after": "Thu, 01 Jan 2026 00:01:30 GMT"}, 90.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767225660"}, 60.0),
        (
            403,
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "1767225660",
                "date": "Thu, 01 Jan 2026 00:00:50 GMT",
            },
            10.0,
        ),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 0.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 40}, 86_400.0),
        (429, {}, None),
    ],
    ids=["seconds", "date", "reset", "their clock", "past", "absurd", "nothing said"],
)
async def test_a_rate_limit_tells_how_long_it_lasts(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    client = answering(lambda request: httpx.Response(status, headers=headers, json={"message": "slow down"}))
    with pytest.raises(RateLimited) as raised:
        await client.comments(REF)
    assert raised.value.retry_after == seconds


async def test_the_token_goes_to_no_other_host() -> None:
    asked: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(301, headers={"location": "https://evil.example/steal"})

    with pytest.raises(RequestRefused):
        await answering(elsewhere).pull_request(REF)
    assert asked == ["api.github.com"]


async def test_the_next_page_on_another_host_is_not_asked_for() -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[], headers={"link": '<https://evil.example/2>; rel="next"'})

    with pytest.raises(RequestRefused):
        await answering(elsewhere).comments(REF)


async def test_a_redirect_in_a_circle_ends() -> None:
    def round_and_round(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "/again"})

    with pytest.raises(RequestRefused):
        await answering(round_and_round).pull_request(REF)


async def test_a_write_follows_only_redirects_that_promise_it_was_not_carried_out() -> None:
    asked: list[str] = []

    def moved(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(302, headers={"location": "/elsewhere"})

    with pytest.raises(PlatformError):
        await answering(moved).create_comment(REF, "hello")
    assert asked == ["/repositories/1/issues/7/comments"]


async def test_a_list_without_end_is_given_up() -> None:
    def endless(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[], headers={"link": f'<{request.url}>; rel="next"'})

    with pytest.raises(AnswerUnreadable):
        await answering(endless, Limits(pages=5)).comments(REF)


async def test_no_error_and_no_log_line_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    def tells(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"message": "Bad credentials"})

    with caplog.at_level(logging.DEBUG), pytest.raises(PlatformError) as raised:
        await answering(tells).comments(REF)
    assert SECRET not in f"{raised.value!r} {raised.value} {caplog.text}"
    assert raised.value.__cause__ is None


async def test_the_client_says_which_interface_it_wants() -> None:
    asked: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"login": "penstock-bot"})

    assert await answering(note).account() == "penstock-bot"
    (request,) = asked
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.headers["x-github-api-version"] == "2022-11-28"
    assert request.headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("url", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://git.example.org/api/v3", "https://git.example.org/api/graphql"),
        ("https://git.example.org/api/v3/", "https://git.example.org/api/graphql"),
    ],
)
async def test_graphql_is_asked_beside_the_rest_interface(url: str, graphql: str) -> None:
    asked: list[str] = []

    def threads(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        assert json.loads(request.content)["variables"]["number"] == 7
        page = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []}
        return httpx.Response(200, json={"data": {"repository": {"pullRequest": {"reviewThreads": page}}}})

    client = GitHub.connect(SECRET, url=url, transport=httpx.MockTransport(threads))
    await client.resolve_review_comment(REF, "1")
    assert asked == [graphql]


@pytest.mark.parametrize(("status", "counted"), [(200, "200"), (404, "404"), (503, "503")])
async def test_every_request_is_counted_by_host_and_answer(status: int, counted: str) -> None:
    metrics = Metrics(CollectorRegistry())
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=[]))
    client = GitHub.connect(SECRET, metrics=metrics, transport=transport)
    with nullcontext() if status == 200 else pytest.raises(PlatformError):
        await client.comments(REF)
    labels = {"host": "api.github.com", "status_code": counted}
    assert metrics.registry.get_sample_value("http_calls_total", labels) == 1
    await client.aclose()
