"""When to try again: policies as data, and the short in-process kind of retrying.

A wait of more than a second or two is never slept in process, where it would hold a record, a connection or a lock:
it is a timer, which asks `delay` and `exhausted` and stores the answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from random import Random
from types import MappingProxyType
from typing import TypeVar

from penstock_runtime.errors import RetryTooLong

T = TypeVar("T")
LONGEST_IN_PROCESS = 2.0
LONGEST_WAIT = 30 * 86400.0
LARGEST_MULTIPLIER = 100.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delay after failure n: base * multiplier^(n-1) + increment * (n-1), at most cap, spread by ± jitter."""

    base: float
    cap: float
    multiplier: float = 2.0
    increment: float = 0.0
    jitter: float = 0.25
    attempts: int = 3

    def __post_init__(self) -> None:
        if not (0 <= self.base <= self.cap and self.multiplier >= 1 and self.increment >= 0):
            raise ValueError("a retry policy needs 0 <= base <= cap, multiplier >= 1, increment >= 0")
        if not (self.cap <= LONGEST_WAIT and self.increment <= LONGEST_WAIT and self.multiplier <= LARGEST_MULTIPLIER):
            raise ValueError(f"a retry policy waits {LONGEST_WAIT:g} s at most, multiplied by {LARGEST_MULTIPLIER:g}")
        if not (0 <= self.jitter <= 1 and self.attempts >= 1):
            raise ValueError("a retry policy needs a jitter from 0 to 1 and at least one attempt")

    def __str__(self) -> str:
        """As a setting says it: the preset that is nearest, and what differs from it."""
        return min((_written(name, preset, self) for name, preset in PRESETS.items()), key=lambda text: text.count(","))

    def exhausted(self, attempt: int) -> bool:
        """Whether attempt number `attempt` (from 1) was the last."""
        return attempt >= self.attempts

    def delay(self, attempt: int, rng: Random) -> float:
        """Seconds to wait after attempt number `attempt` (from 1) failed; never above the cap."""
        nominal = self._nominal(attempt)
        return min(self.cap, nominal * rng.uniform(1 - self.jitter, 1 + self.jitter))

    def longest_wait(self) -> float:
        """All waits together, in the worst case of the jitter."""
        return sum(min(self.cap, self._nominal(n) * (1 + self.jitter)) for n in range(1, self.attempts))

    def _nominal(self, attempt: int) -> float:
        # 2.0 ** 1100 overflows a float, and a hundred doublings are above any cap.
        steps = min(attempt - 1, 100)
        return min(self.cap, self.base * self.multiplier**steps + self.increment * steps)


FAST = RetryPolicy(base=0.1, cap=1.0)
STANDARD = RetryPolicy(base=1.0, cap=30.0)
AGGRESSIVE = RetryPolicy(base=0.5, cap=15.0)
CONSERVATIVE = RetryPolicy(base=2.0, cap=60.0, multiplier=3.0)
LINEAR = RetryPolicy(base=1.0, cap=30.0, multiplier=1.0, increment=1.0)
HEAVY_TASK = RetryPolicy(base=5.0, cap=300.0)

PRESETS = MappingProxyType(
    {
        "fast": FAST,
        "standard": STANDARD,
        "aggressive": AGGRESSIVE,
        "conservative": CONSERVATIVE,
        "linear": LINEAR,
        "heavy_task": HEAVY_TASK,
    }
)


def parse_policy(text: str) -> RetryPolicy:
    """A preset with optional changes, `standard` or `standard,attempts=5,cap=60`; ValueError when it is neither."""
    name, *changes = (part.strip() for part in text.split(","))
    policy = PRESETS.get(name.lower())
    if policy is None:
        raise ValueError(f"no preset is called {name!r}")
    for change in changes:
        key, _, value = (part.strip() for part in change.partition("="))
        policy = _changed(policy, key, value)
    return policy


def _written(name: str, preset: RetryPolicy, policy: RetryPolicy) -> str:
    before, after = asdict(preset), asdict(policy)
    return ",".join([name, *(f"{key}={value:g}" for key, value in after.items() if value != before[key])])


def _changed(policy: RetryPolicy, key: str, value: str) -> RetryPolicy:
    if key == "attempts":
        return replace(policy, attempts=int(value))
    known = {"base": policy.base, "cap": policy.cap, "multiplier": policy.multiplier}
    known |= {"increment": policy.increment, "jitter": policy.jitter}
    if key not in known:
        raise ValueError(f"a retry policy has no {key!r}")
    return RetryPolicy(**known | {key: float(value)}, attempts=policy.attempts)


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """What the on_retry hook is told after each failure that could have been retried."""

    attempt: int
    maximum: int
    error: Exception
    delay: float | None
    """Seconds until the next attempt; None when this was the last one."""


def log_retry(failed: FailedAttempt) -> None:
    """The default hook: one log line for each retry and one for the end of the attempts."""
    facts = {"attempt": failed.attempt, "maximum": failed.maximum, "error": type(failed.error).__name__}
    if failed.delay is None:
        _log.warning("retries exhausted", extra=facts)
    else:
        _log.info("retrying", extra=facts | {"delay": round(failed.delay, 3)})


def always(_: Exception) -> bool:
    return True


async def retrying(
    policy: RetryPolicy,
    operation: Callable[[], Awaitable[T]],
    *,
    retryable: tuple[type[Exception], ...],
    when: Callable[[Exception], bool] = always,
    on_retry: Callable[[FailedAttempt], None] = log_retry,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    rng: Random | None = None,
) -> T:
    """Call `operation` until it succeeds, fails with something not retryable, or the attempts are used up.

    Retryable is an error of one of the types of `retryable` for which `when` says yes (such as one status code and not
    another). The last error is raised as it is. RetryTooLong when the policy could wait more than two seconds in all.
    """
    if policy.longest_wait() > LONGEST_IN_PROCESS:
        raise RetryTooLong(limit=LONGEST_IN_PROCESS, total=policy.longest_wait())
    chance = rng or Random()
    attempt = 1
    while True:
        try:
            return await operation()
        except retryable as error:
            if not when(error):
                raise
            last = policy.exhausted(attempt)
            delay = None if last else policy.delay(attempt, chance)
            on_retry(FailedAttempt(attempt, policy.attempts, error, delay))
            if delay is None:
                raise
        await sleep(delay)
        attempt += 1
