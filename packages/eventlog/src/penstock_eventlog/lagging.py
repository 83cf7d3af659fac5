"""How far a group is behind, as one of its members knows without asking."""

from penstock_eventlog.ports import Consumer, Partition
from penstock_eventlog.prefix import FinishedPrefix
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics

EVERY = 5.0


class Lagging:
    def __init__(self, group: str, prefix: FinishedPrefix, clock: Clock, metrics: Metrics) -> None:
        self._group, self._prefix, self._clock = group, prefix, clock
        self._gauge = metrics.consumer_lag
        self._said: frozenset[Partition] = frozenset()
        self._due = 0.0

    def look(self, consumer: Consumer) -> None:
        """Now and then: what was not polled yet, and what is in hand. Of a partition that was lost nothing is said any
        more, since another member says it."""
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY
        lag = consumer.lag()
        for (topic, number), behind in lag.items():
            unfinished = behind + self._prefix.held_of((topic, number))
            self._gauge.labels(self._group, topic, str(number)).set(unfinished)
        for topic, number in self._said - lag.keys():
            self._gauge.remove(self._group, topic, str(number))
        self._said = frozenset(lag)
