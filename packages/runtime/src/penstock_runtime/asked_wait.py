"""How long whoever refuses or fails a request wants to be left alone, as its headers say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 86_400.0
_MILLISECONDS = 1e11


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds, a day at most; None where nothing is said. The names of the headers are in lower case.

    Retry-After counts seconds or says a date; X-RateLimit-Reset, where nothing of the allowance remains, a moment in
    seconds or milliseconds since 1970. Moments are compared with the other side's own clock where it tells it.
    """
    said = headers.get("retry-after", "")
    seconds = _number(said)
    if seconds is not None:
        return min(seconds, LONGEST)
    clock = _date(headers.get("date", "")) or now
    until = _date(said)
    if until is not None:
        return _within(until.timestamp() - clock.timestamp())
    reset = _number(headers.get("x-ratelimit-reset", ""))
    if reset is None or headers.get("x-ratelimit-remaining", "0") != "0":
        return None
    return _within((reset / 1000 if reset >= _MILLISECONDS else reset) - clock.timestamp())


def _within(wait: float) -> float:
    return min(max(wait, 0.0), LONGEST)


def _number(text: str) -> float | None:
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    return float(text) if whole and digits.isascii() and digits.isdecimal() and len(digits) <= 300 else None


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
