"""Whether the server still has everything it said was committed.

After a crash the server comes back without the last of the commits that nobody waited for. What is left is how
everything stood a moment ago, and whoever reads all of it again goes on from there. A process must not, that still
holds in memory what it read or wrote after that moment: it would take for done what is to be done again.
"""

from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection

from penstock_store.errors import StoreRewound

IN_ORDER: LiteralString = "-c synchronous_commit=off"
"""A session whose commits come one after the other on the disk, as all do, and are not waited for."""
LAZILY: LiteralString = "(select set_config('synchronous_commit', 'off', true)) as lazily"
"""In a statement's FROM: its transaction is not waited for, whatever the session does. For what may be lost alone."""
# After a crash, and only then, the server begins its statistics anew (PostgreSQL: monitoring, the statistics system);
# after an orderly end, which loses nothing, it has them back. Whoever resets them by hand is taken for a crash.
_SINCE = "select stats_reset from pg_stat_bgwriter"


class Continuity:
    """Looks at every new connection: a crash ends all that there were."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._rewound = False

    async def look(self, connection: AsyncConnection[Any]) -> None:
        found = await (await connection.execute(_SINCE)).fetchone()
        since = found[0] if found else None
        self._rewound = self._rewound or (self._since is not None and since != self._since)
        self._since = self._since or since

    def check(self) -> None:
        """Raises StoreRewound, from the crash on for ever."""
        if self._rewound:
            raise StoreRewound
