"""When to ask something again that was away. Nobody sleeps: whoever asks is told how long to wait."""

import logging
from collections.abc import Awaitable, Callable
from random import Random

from penstock_eventlog.errors import LogUnavailable
from penstock_runtime.clock import Clock
from penstock_runtime.retry import RetryPolicy
from penstock_store.errors import StoreUnavailable

_log = logging.getLogger(__name__)
PATIENT = RetryPolicy(base=0.1, cap=5.0, attempts=1_000_000)


class Patience:
    """With one thing that may be away: the store, or the log. Says so once when it goes, and once when it is back."""

    def __init__(self, what: str, clock: Clock, policy: RetryPolicy = PATIENT, rng: Random | None = None) -> None:
        self._what = what
        self._clock = clock
        self._policy = policy
        self._rng = rng or Random()
        self._failures = 0
        self._until = 0.0

    async def turn(self, work: Callable[[], Awaitable[float]]) -> float:
        """A turn of a machine that needs it: what the work answers, or how long to wait while it is away."""
        if self.wait():
            return self.wait()
        try:
            answer = await work()
        except (StoreUnavailable, LogUnavailable) as error:
            self.failed(error)
            return self.wait()
        self.succeeded()
        return answer

    def wait(self) -> float:
        """Seconds until it may be asked again; 0: now."""
        return max(0.0, self._until - self._clock.monotonic()) if self._failures else 0.0

    def failed(self, why: object) -> None:
        self._failures += 1
        self._until = self._clock.monotonic() + self._policy.delay(self._failures, self._rng)
        if self._failures == 1:
            _log.warning("waiting for %s", self._what, extra={"error": str(why)})

    def succeeded(self) -> None:
        if self._failures > 1:
            _log.info("%s is back", self._what)
        self._failures = 0
