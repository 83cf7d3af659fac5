import asyncio
import logging
from random import Random

import pytest

from penstock_runtime.errors import RetryTooLong
from penstock_runtime.retry import (
    AGGRESSIVE,
    CONSERVATIVE,
    FAST,
    HEAVY_TASK,
    LINEAR,
    PRESETS,
    STANDARD,
    FailedAttempt,
    RetryPolicy,
    parse_policy,
    retrying,
)


class Flaky:
    """Fails with the errors given, in order, then succeeds. Its waits are only noted."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.waits: list[float] = []

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


async def test_retries_on_failure() -> None:
    flaky = Flaky(ConnectionError(), ConnectionError())
    result = await retrying(FAST, flaky, retryable=(ConnectionError,), sleep=flaky.sleep, rng=Random(1))
    assert (result, flaky.calls, len(flaky.waits)) == ("done", 3, 2)


async def test_the_maximum_of_attempts_is_kept_and_the_last_error_raised() -> None:
    last = ConnectionError("third")
    flaky = Flaky(ConnectionError("first"), ConnectionError("second"), last, ConnectionError("fourth"))
    with pytest.raises(ConnectionError) as raised:
        await retrying(FAST, flaky, retryable=(ConnectionError,), sleep=flaky.sleep)
    assert raised.value is last
    assert flaky.calls == 3


async def test_what_is_not_retryable_fails_at_once() -> None:
    flaky = Flaky(PermissionError())
    with pytest.raises(PermissionError):
        await retrying(FAST, flaky, retryable=(TimeoutError,), sleep=flaky.sleep)
    assert (flaky.calls, flaky.waits) == (1, [])


async def test_a_predicate_can_refuse_an_error_of_a_retryable_type() -> None:
    flaky = Flaky(ConnectionError("409"))
    with pytest.raises(ConnectionError):
        await retrying(FAST, flaky, retryable=(ConnectionError,), when=lambda e: "409" not in str(e))
    assert flaky.calls == 1


async def test_the_hook_is_told_every_retry_and_the_exhaustion() -> None:
    told: list[FailedAttempt] = []
    errors = [ConnectionError(str(number)) for number in range(3)]
    flaky = Flaky(*errors)
    with pytest.raises(ConnectionError):
        await retrying(FAST, flaky, retryable=(ConnectionError,), on_retry=told.append, sleep=flaky.sleep)
    assert [(one.attempt, one.maximum, one.error) for one in told] == [(n + 1, 3, errors[n]) for n in range(3)]
    assert [one.delay for one in told] == [*flaky.waits, None]


async def test_each_retry_and_the_exhaustion_is_logged_with_attempt_maximum_and_delay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flaky = Flaky(*(ConnectionError() for _ in range(3)))
    with caplog.at_level(logging.INFO), pytest.raises(ConnectionError):
        await retrying(FAST, flaky, retryable=(ConnectionError,), sleep=flaky.sleep)
    assert [record.getMessage() for record in caplog.records] == ["retrying", "retrying", "retries exhausted"]
    first = vars(caplog.records[0])
    assert (first["attempt"], first["maximum"], first["error"]) == (1, 3, "ConnectionError")
    assert first["delay"] == pytest.approx(flaky.waits[0], abs=0.001)


async def test_a_cancelled_operation_is_never_retried() -> None:
    calls = 0

    async def operation() -> None:
        nonlocal calls
        calls += 1
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await retrying(FAST, operation, retryable=(Exception,))
    assert calls == 1


async def test_a_policy_that_could_wait_more_than_two_seconds_is_refused_before_the_first_call() -> None:
    flaky = Flaky()
    with pytest.raises(RetryTooLong, match="use a timer"):
        await retrying(STANDARD, flaky, retryable=(ConnectionError,))
    assert flaky.calls == 0


def delays(policy: RetryPolicy, count: int) -> list[float]:
    exact = RetryPolicy(policy.base, policy.cap, policy.multiplier, policy.increment, jitter=0)
    return [exact.delay(attempt, Random(0)) for attempt in range(1, count + 1)]


def test_the_presets_wait_as_they_are_documented() -> None:
    assert delays(STANDARD, 7) == [1, 2, 4, 8, 16, 30, 30]
    assert delays(AGGRESSIVE, 6) == [0.5, 1, 2, 4, 8, 15]
    assert delays(CONSERVATIVE, 5) == [2, 6, 18, 54, 60]
    assert delays(LINEAR, 4) == [1, 2, 3, 4]
    assert delays(HEAVY_TASK, 3) == [5, 10, 20]
    assert all(policy.attempts == 3 and policy.jitter == 0.25 for policy in PRESETS.values())


def test_jitter_spreads_a_delay_by_a_quarter_and_never_above_the_cap() -> None:
    rng = Random(7)
    spread = [STANDARD.delay(3, rng) for _ in range(500)]
    assert 3 <= min(spread) < 3.2
    assert 4.8 < max(spread) <= 5
    assert max(STANDARD.delay(60, rng) for _ in range(100)) == 30


def test_a_very_late_attempt_waits_for_the_cap_and_does_not_overflow() -> None:
    assert delays(HEAVY_TASK, 2000)[-1] == 300


def test_a_policy_knows_its_last_attempt_and_its_longest_wait() -> None:
    policy = RetryPolicy(base=0.1, cap=1, attempts=3)
    assert [policy.exhausted(attempt) for attempt in (1, 2, 3, 4)] == [False, False, True, True]
    assert policy.longest_wait() == pytest.approx(0.1 * 1.25 + 0.2 * 1.25)
    assert RetryPolicy(base=1, cap=1, attempts=1).longest_wait() == 0


def test_a_policy_is_written_as_a_preset_with_changes() -> None:
    assert parse_policy("standard") == STANDARD
    assert parse_policy("Heavy_Task, attempts=5, cap=60") == RetryPolicy(base=5, cap=60, attempts=5)


@pytest.mark.parametrize(
    "text", ["", "slow", "standard,tries=3", "standard,cap=x", "standard,cap=0.1", "fast,attempts=0"]
)
def test_a_policy_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"retry policy|preset|could not convert"):
        parse_policy(text)


@pytest.mark.parametrize("text", ["fast", "heavy_task", "standard,attempts=5", "conservative,base=0.5,attempts=8"])
def test_a_policy_is_shown_as_a_setting_says_it(text: str) -> None:
    assert str(parse_policy(text)) == text
