"""Which class a failure of a platform belongs to: the table that retries follow. Its type decides, not its text."""

import json
import socket

import httpx
import pytest

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import NotAuthorised, NotSent, PlatformError, RateLimited
from penstock_platforms.github.client import GitHub

REF = PullRequestRef("github", "forge", "1", "acme/shop", 7)
TRANSIENT, PERMANENT = ErrorClassification.TRANSIENT, ErrorClassification.PERMANENT
RATE_LIMITED = ErrorClassification.RATE_LIMITED


async def failing_with(answer: httpx.Response | httpx.HTTPError) -> PlatformError:
    def answering(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer

    client = GitHub.connect("token", instance="forge", transport=httpx.MockTransport(answering))
    with pytest.raises(PlatformError) as raised:
        await client.comments(REF)
    await client.aclose()
    return raised.value


@pytest.mark.parametrize(
    "broken",
    [
        httpx.ReadError("connection reset by peer"),
        httpx.WriteError("broken pipe"),
        httpx.RemoteProtocolError("hung up"),
        httpx.ConnectError("connection refused"),
        httpx.ConnectError("name or service not known"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.PoolTimeout("busy"),
    ],
    ids=lambda error: f"{type(error).__name__}, {error}",
)
async def test_a_connection_that_breaks_is_tried_again(broken: httpx.HTTPError) -> None:
    assert (await failing_with(broken)).classification is TRANSIENT


@pytest.mark.parametrize(
    ("status", "classification"),
    [
        *[(status, TRANSIENT) for status in (408, 500, 501, 502, 503, 504, 520)],
        *[(status, PERMANENT) for status in (400, 401, 403, 404, 405, 409, 410, 413, 422, 451)],
        (429, RATE_LIMITED),
    ],
)
async def test_a_status_decides_whether_asking_again_can_help(status: int, classification: ErrorClassification) -> None:
    failure = await failing_with(httpx.Response(status, json={"message": "timeout, try again later"}))
    assert failure.classification is classification


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:01:30 GMT", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 90.0),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "1767225660",
                "date": "Thu, 01 Jan 2026 00:00:00 GMT",
            },
            60.0,
        ),
    ],
    ids=["seconds", "a date", "the reset of the allowance"],
)
@pytest.mark.parametrize("status", [403, 429])
async def test_a_rate_limit_is_told_with_its_end(status: int, headers: dict[str, str], seconds: float) -> None:
    failure = await failing_with(httpx.Response(status, headers=headers))
    assert (type(failure), failure.classification) == (RateLimited, RATE_LIMITED)
    assert failure.retry_after == seconds


async def test_a_secondary_rate_limit_is_told_by_its_text_alone_and_lasts_a_minute() -> None:
    said = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
    failure = await failing_with(httpx.Response(403, json=said))
    assert (failure.classification, failure.retry_after) == (RATE_LIMITED, 60.0)


async def test_what_the_platform_says_of_a_refusal_becomes_a_line_that_can_be_stored_and_shown() -> None:
    said = {"message": "no \ud83d\0emoji\x1b[2J,\n please", "errors": [{"field": "body", "message": "\udc00 bad"}]}
    failure = await failing_with(httpx.Response(422, content=json.dumps(said)))
    assert failure.detail == "no emoji [2J, please; body bad"


async def test_a_403_with_an_allowance_left_is_a_refusal() -> None:
    headers = {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": "1767225660"}
    failure = await failing_with(httpx.Response(403, headers=headers))
    assert (type(failure), failure.classification) == (NotAuthorised, PERMANENT)


async def test_a_host_whose_name_is_not_found_was_not_sent_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = GitHub.connect("token", url="http://platform.invalid", instance="forge")
    with pytest.raises(NotSent) as raised:
        await client.comments(REF)
    assert raised.value.classification is TRANSIENT
    await client.aclose()


def test_what_has_no_class_of_its_own_is_unknown() -> None:
    """The orchestrator asks once more then: see the table of attempts in its test_failures.py."""
    assert PlatformError("?").classification is ErrorClassification.UNKNOWN
