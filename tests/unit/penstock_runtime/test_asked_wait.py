"""What the headers of a refusal say of the time to wait."""

from datetime import UTC, datetime

import pytest

from penstock_runtime.asked_wait import LONGEST, asked_wait

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Thu, 01 Jan 2026 00:01:30 GMT"}, 90.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:01:30 GMT", "date": "Thu, 01 Jan 2026 00:01:00 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2025 00:00:00 GMT"}, 0.0),
        ({"x-ratelimit-reset": "1767225660"}, 60.0),
        ({"x-ratelimit-reset": "1767225660000"}, 60.0),
        ({"x-ratelimit-reset": "1767225660", "x-ratelimit-remaining": "0"}, 60.0),
        ({"x-ratelimit-reset": "1767225660", "retry-after": "5"}, 5.0),
    ],
)
def test_the_end_of_a_rate_limit_is_read_in_every_form(headers: dict[str, str], seconds: float) -> None:
    assert asked_wait(headers, NOW) == seconds


@pytest.mark.parametrize("absurd", ["9" * 40, "9" * 300, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_left_alone_for_more_than_a_day(absurd: str) -> None:
    assert asked_wait({"retry-after": absurd}, NOW) == LONGEST


@pytest.mark.parametrize(
    "rubbish", ["", "soon", "-5", "1e9", "²", ".", "1.2.3", "9" * 400, "inf", "nan", "Thu, 99 Jan"]
)
def test_what_cannot_be_read_says_nothing(rubbish: str) -> None:
    assert asked_wait({"retry-after": rubbish, "x-ratelimit-reset": rubbish}, NOW) is None


def test_the_end_of_an_allowance_that_is_not_used_up_says_nothing() -> None:
    assert asked_wait({"x-ratelimit-remaining": "17", "x-ratelimit-reset": "1767225660"}, NOW) is None
