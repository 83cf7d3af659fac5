"""How many jobs are open, and since when the oldest is: one small look at the open ones, as often as a keeper asks."""

from dataclasses import dataclass

from penstock_eventlog.housekeeping import Piece
from penstock_runtime.metrics import Metrics
from penstock_store.ports import Jobs
from penstock_store.rows import OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class Measuring:
    """A chore. Every process of the orchestrator gets its turn, and says the same of the whole installation."""

    jobs: Jobs
    metrics: Metrics
    name: str = "measuring"

    async def piece(self) -> Piece:
        found = await self.jobs.open()
        gauge = self.metrics.jobs
        gauge.clear()
        for row in found:
            gauge.labels(str(row.type), str(row.status)).set(row.jobs)
        for status in OPEN_STATUSES:
            ages = [row.age.total_seconds() for row in found if row.status is status]
            self.metrics.oldest_waiting.labels(str(status)).set(max(ages, default=0.0))
        return Piece(0, more=False)
