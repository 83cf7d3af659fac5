"""Runs that are stuck are found and set going again: no job says PROCESSING for ever.

A run that is open waits for a moment, and a timer tells it of that moment. Timers are rows that follow from the state;
where one was lost, by a hand in the database or a mistake of ours, nobody would wake the run. So open runs are looked
for that have no timer at all, or whose `waiting_until` is past: their streams are folded again from their facts, which
writes their timers anew; those that are due fire at once. At the worst this takes GRACE, the pause between two looks,
and a turn of the timer scanner: less than two minutes beyond that moment. A timer lost while others of its run stand is
not missed before: what it alone would have woken, such as another attempt, waits until then.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic

from penstock_eventlog.housekeeping import Piece
from penstock_runtime.metrics import Metrics
from penstock_store.ports import Fold, S, Store

MENDING = "mending"
EVERY = 30.0
GRACE = timedelta(seconds=60)
"""A deadline may be acted on this late, under load or while the database is away, before its run counts as stuck."""
LIMIT = 100
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Mending(Generic[S]):
    """A chore. What cannot be mended is found, counted and tried again with the next look; it stays in nobody's way, as
    a look goes through all that are stuck, LIMIT of them at a time."""

    store: Store
    fold: Fold[S]
    metrics: Metrics
    name: str = MENDING
    _seen: str = ""
    """The last run that this look came to."""

    async def piece(self) -> Piece:
        stuck = await self.store.jobs.stuck(GRACE, LIMIT, self._seen)
        self.metrics.stuck.inc(len(stuck))
        mended = 0
        for stream in dict.fromkeys(row.stream for row in stuck):
            runs = [row for row in stuck if row.stream == stream]
            if await self.store.streams.mend(stream, self.fold):
                mended += len(runs)
                outcome = "a run was stuck: its timers are set again"
            else:
                outcome = "a run is stuck, and its facts cannot be folded"
            for row in runs:
                facts = {"workflow": row.id, "stream": stream, "stage": row.stage, "until": str(row.waiting_until)}
                _log.warning(outcome, extra=facts)
        self._seen = stuck[-1].id if len(stuck) == LIMIT else ""
        return Piece(mended, more=bool(self._seen))
