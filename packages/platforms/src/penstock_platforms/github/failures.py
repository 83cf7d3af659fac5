"""From what httpx raises and GitHub answers to our own errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

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
from penstock_platforms.fields import clean
from penstock_runtime.asked_wait import asked_wait

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
_SECONDARY = "secondary rate limit"
_SECONDARY_WAIT = 60.0


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
    wait = asked_wait(answer.headers, now())
    if wait is None and status in (403, 429) and _SECONDARY in detail.lower():
        # GitHub says this one in its text alone, and asks for a minute then.
        wait = _SECONDARY_WAIT
    if status == 408 or status >= 500:
        failed = MaybeSent if write else ServerFailed
        return failed(detail, status=status, retry_after=wait)
    if status == 429 or (status == 403 and wait is not None):
        return RateLimited(detail, status=status, retry_after=wait)
    return _REFUSALS.get(status, RequestRefused)(detail, status=status)


def review_refused(error: RequestRefused) -> RequestRefused:
    """The same refusal, as AnchorsRefused where GitHub's words are about the places of comments.

    Text decides here and at the secondary rate limit alone: GitHub gives the same 422 to every review it does not like.
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
    return "; ".join(clean(part[:_DETAIL_LIMIT]) for part in parts if part)[:_DETAIL_LIMIT]
