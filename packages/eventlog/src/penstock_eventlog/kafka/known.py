"""Whether a client knows any broker, by what it tells of itself.

A broker that its controller fences, as happens for some milliseconds to one that stood still or ends, answers that
there are no brokers. The client then forgets all it knew, and if its connections end in that moment it never looks for
one again, not even at the addresses it was given: it does nothing, without a word (librdkafka 2.10 to 2.16, its issue
5301). Only a new client helps.
"""

import json

EVERY_MS = 5_000
PATIENCE = 2
"""So often in a row: a client may be just about to ask at the addresses it was given."""
_NAMED = frozenset({"configured", "learned"})


class KnownBrokers:
    """One for each client. A cluster that cannot be reached is still known."""

    def __init__(self) -> None:
        self._without = 0

    def hear(self, statistics: str) -> None:
        brokers = json.loads(statistics)["brokers"].values()
        self._without = 0 if any(one["source"] in _NAMED for one in brokers) else self._without + 1

    @property
    def forgotten(self) -> bool:
        return self._without >= PATIENCE
