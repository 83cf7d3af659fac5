"""Which pull requests may show something twice, and when to look at them: kept in memory by who may have caused it.

A kill alone never doubles anything. A process that was frozen between its ledger and its call, and woke up, may: both
it (its lease is lost) and the one that sent again (after the delay) know, and either of them, still alive, looks. For
who was killed before it looked, the next start looks where the ledger says that something was sent lately.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from penstock_contracts.facts import PullRequestRef
from penstock_runtime.clock import Clock

LOOKS = (5.0, 22.0, 55.0, 600.0)
"""Seconds after a doubt arose at which the platform is looked at: the second when what was begun has landed, and before
an orderly end has to be over; the third within the sweep window of a minute. The last is for a double of somebody who
stood still for longer than that, and was killed as it woke."""
LOOKED_BACK = timedelta(seconds=LOOKS[-1])
"""A start looks at what was sent since. To stand still for longer and be killed while waking is rare twice over."""
MOST_LOOKED_BACK = 100
"""Pull requests at which a start looks, the latest: each costs a few calls of the platform."""


@dataclass(frozen=True, slots=True)
class Doubt:
    stream: str
    ref: PullRequestRef
    due: float
    failures: int = 0
    looked_back: bool = False
    """Whether it is somebody else's, and every start looks at it."""


@dataclass(slots=True)
class Doubts:
    clock: Clock
    limit: int = 1000
    _open: list[Doubt] = field(default_factory=list)

    def add(self, stream: str, ref: PullRequestRef, looks: Sequence[float] = LOOKS) -> None:
        """Forgets the oldest beyond the limit: a doubt is rare, and thousands of them are another illness."""
        now = self.clock.monotonic()
        self._keep([Doubt(stream, ref, now + later) for later in looks])

    def look_back(self, stream: str, ref: PullRequestRef, later: float) -> None:
        self._keep([Doubt(stream, ref, self.clock.monotonic() + later, looked_back=True)])

    def forget_looked_back(self) -> None:
        self._open = [doubt for doubt in self._open if not doubt.looked_back]

    def again(self, doubt: Doubt) -> None:
        """It could not be looked at now, since somebody is speaking there."""
        self._keep([replace(doubt, due=self.clock.monotonic() + LOOKS[0])])

    def failed(self, doubt: Doubt) -> None:
        """It is looked at again some more times; the last failure is left in the log."""
        if doubt.failures < len(LOOKS):
            later = self.clock.monotonic() + LOOKS[doubt.failures]
            self._keep([replace(doubt, due=later, failures=doubt.failures + 1)])

    def take_due(self) -> Doubt | None:
        if not self._open or self._open[0].due > self.clock.monotonic():
            return None
        return self._open.pop(0)

    def next_in(self) -> float | None:
        """Seconds until the next look; None when nothing is in doubt."""
        return max(0.0, self._open[0].due - self.clock.monotonic()) if self._open else None

    def _keep(self, doubts: list[Doubt]) -> None:
        self._open = sorted((*self._open, *doubts), key=lambda doubt: doubt.due)[-self.limit :]
