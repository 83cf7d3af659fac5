"""How large the tables get over many runs: the engine works and cleans up behind itself in the same minutes.

    python -m bench.growth [--short]     100,000 runs, 5,000 in the short form

Each run goes from its webhook through preparation, analysis, reviews and comments to its end: real fold, real store,
the outbox read and marked as the relay does; the stages answer at once. What is kept for days is kept for seconds here,
so that what comes and what goes are in balance from the first tenth on. After every tenth the tables are vacuumed, for
which autovacuum has more time in life, and their size on disk is looked at.
Bounds: the tables that every event passes through, and those of resting pull requests, grow by less than 10 % from a
quarter of the runs to the end. Beside them: what a run leaves behind while its pull request is remembered.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta

import psycopg

from bench.figures import Figure, Side, alone
from bench.runs import answered, delivered, webhook
from bench.setup import ground
from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.routing import SHARDS
from penstock_eventlog.answers import is_request
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER
from penstock_orchestrator.rules import Rules
from penstock_runtime.retry import STANDARD
from penstock_store.postgres import PostgresStore
from penstock_store.rows import Delivered, OutboxRow, Waste

RUNS, SHORT_RUNS, TENTHS = 100_000, 5_000, 10
BATCH, AT_ONCE = 50, 4
KEPT, SHORT_KEPT = timedelta(seconds=10), timedelta(seconds=1)
PIECE = 5_000
GROWTH = 1.1
PASSING = ("outbox_messages", "inbox_messages", "timers", "deliveries")
RESTING = ("streams", "facts", "workflow_jobs", "job_execution_history")
_SIZES = """
select relname, pg_total_relation_size(c.oid) from pg_class as c
where relnamespace = 'workflow'::regnamespace and relkind = 'r'
"""


class Engine:
    def __init__(self, store: PostgresStore, url: str) -> None:
        self._store, self._url, self._codec = store, url, Codec()
        self._fold = OrchestratorFold(Rules(schedules=dict.fromkeys(Stage, STANDARD)))

    async def run(self, first: int, count: int) -> None:
        """Pull requests from their webhook to their end."""
        todo = [delivered(webhook("growth", number)) for number in range(first, first + count)]
        while todo:
            await self._apply(todo)
            todo = [delivered(event) for event in await self._published()]

    async def _apply(self, heard: Sequence[Delivered]) -> None:
        batches = iter([heard[at : at + BATCH] for at in range(0, len(heard), BATCH)])

        async def worker() -> None:
            for batch in batches:
                await self._store.streams.apply(CONSUMER, batch, self._fold)

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    async def _published(self) -> list[Event[Fact]]:
        """Marks everything as sent; what was asked is answered."""
        lease = await self._store.leases.acquire("relay", "bench", timedelta(minutes=5))
        assert lease is not None
        answers: list[Event[Fact]] = []
        while rows := await self._store.outbox.unsent(range(SHARDS), 5_000):
            answers += self._answers(rows)
            await self._store.outbox.mark_sent([row.id for row in rows], lease)
        return answers

    def _answers(self, rows: Sequence[OutboxRow]) -> Iterator[Event[Fact]]:
        for row in rows:
            event_type = next(value.decode() for name, value in row.headers if name == "ce_type")
            if is_request(row.topic, event_type):
                asked = self._codec.decode(row.headers, row.value)
                yield answered(asked, batches=1)

    async def clean(self, kept: timedelta) -> None:
        retention, before = self._store.retention, await self._store.now() - kept
        assert retention is not None
        for waste in Waste:
            while await retention.sweep(waste, before, PIECE) == PIECE:
                pass
        while await retention.sweep_streams(before, PIECE // 10) == PIECE // 10:
            pass

    def sizes(self) -> dict[str, int]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("vacuum")
            return dict(connection.execute(_SIZES).fetchall())


async def measure(url: str, runs: int, kept: timedelta) -> list[Figure]:
    store = await PostgresStore.open(url)
    engine = Engine(store, url)
    try:
        await engine.run(0, 1_000)
        left = sum(engine.sizes()[table] for table in RESTING) / 1_000
        seen: list[dict[str, int]] = []
        for tenth in range(TENTHS):
            for first in range(0, runs // TENTHS, 500):
                await engine.run(1_000 + tenth * runs // TENTHS + first, 500)
                await engine.clean(kept)
            seen.append(engine.sizes())
            shown = ", ".join(f"{table} {seen[-1][table] / 2**20:.1f}" for table in (*PASSING, *RESTING))
            print(f"  after {(tenth + 1) * runs // TENTHS} runs, MiB: {shown}", flush=True)
    finally:
        await store.close()
    return [
        _growth("growth: tables that every event passes through", seen, PASSING, ""),
        _growth(
            "growth: tables of pull requests, when resting ones are forgotten",
            seen,
            RESTING,
            f"{left / 1024:.1f} KiB a run while it is remembered",
        ),
    ]


def _growth(name: str, seen: Sequence[dict[str, int]], tables: Sequence[str], beside: str) -> Figure:
    """The largest at any time after the first quarter, against the largest up to there."""
    sums = [sum(sizes[table] for table in tables) for sizes in seen]
    quarter = TENTHS // 4 + 1
    grown = max(sums[quarter:]) / max(sums[:quarter])
    mib = f"{max(sums) / 2**20:.0f} MiB at most"
    return Figure(name, (grown,), Side.BELOW, GROWTH, "x", f"{mib}; {beside}" if beside else mib)


def main(short: bool) -> Sequence[Figure]:
    with ground() as on:
        return asyncio.run(measure(on.database_url, *((SHORT_RUNS, SHORT_KEPT) if short else (RUNS, KEPT))))


if __name__ == "__main__":
    sys.exit(alone(main))
