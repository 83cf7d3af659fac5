"""From what httpx raises and GitHub answers to our own errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from penstock_platforms.errors import (
    AnchorsRefused,
    AnswerLost,
    MaybeSent,
    NotAuthorised,
    NotFound,
    NotSent,
    PlatformError,
    RateLimited,
    RequestRefused,
    ServerFailed,
)

# httpx raises these before a byte of the request is written.
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)
# GitHub names the place of a refused comment in several wordings; all of them say one of these.
_ABOUT_ANCHORS = ("could not be resolved", "must be part of the diff", "thread path is invalid", "same hunk")
_DETAIL_LIMIT = 300
_LONGEST_WAIT = 86_400.0


def from_exception(error: httpx.HTTPError, *, write: bool) -> PlatformError:
    """The error of ours for an exception of httpx. Its text is left out: it may hold the URL asked."""
    what = type(error).__name__
    if isinstance(error, _BEFORE_SENDING):
        return NotSent(what)
    return MaybeSent(what) if write else AnswerLost(what)


def from_answer(answer: httpx.Response, body: bytes, *, write: bool, now: Callable[[], datetime]) -> PlatformError:
    """The error of ours for an answer that is no success."""
    status = answer.status_code
    detail = _message(body)
    wait = _retry_after(answer, now)
    if status == 408 or status >= 500:
        failed = MaybeSent if write else ServerFailed
        return failed(detail, status=status, retry_after=wait)
    if status == 429 or (status == 403 and wait is not None):
        return RateLimited(detail, status=status, retry_after=wait)
    return _REFUSALS.get(status, RequestRefused)(detail, status=status)


def review_refused(error: RequestRefused) -> RequestRefused:
    """The same refusal, as AnchorsRefused where GitHub's words are about the places of comments.

    The one place where text decides: GitHub gives the same 422 to every review it does not like.
    """
    if error.status == 422 and any(words in error.detail.lower() for words in _ABOUT_ANCHORS):
        return AnchorsRefused(error.detail, status=error.status)
    return error


_REFUSALS: dict[int, type[RequestRefused]] = {
    401: NotAuthorised,
    403: NotAuthorised,
    404: NotFound,
    410: NotFound,
    451: NotFound,
}


def _message(body: bytes) -> str:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    parts = [str(told.get("message", ""))]
    errors = told.get("errors")
    for each in errors if isinstance(errors, list) else []:
        parts.append(
            f"{each.get('field', '')} {each.get('message', '')}".strip() if isinstance(each, dict) else str(each)
        )
    return "; ".join(part for part in parts if part)[:_DETAIL_LIMIT]


def _retry_after(answer: httpx.Response, now: Callable[[], datetime]) -> float | None:
    """Seconds to wait, a day at most. Points in time are compared with the platform's own clock where it tells it."""
    said = answer.headers.get("retry-after", "")
    if said.isdecimal():
        return min(float(said), _LONGEST_WAIT)
    clock = _date(answer.headers.get("date", "")) or now()
    until = _date(said)
    if until is not None:
        wait = until.timestamp() - clock.timestamp()
    elif answer.headers.get("x-ratelimit-remaining") == "0" and answer.headers.get("x-ratelimit-reset", "").isdecimal():
        wait = float(answer.headers["x-ratelimit-reset"]) - clock.timestamp()
    else:
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
