"""How large the tables get over many runs: the engine works and cleans up behind itself in the same minutes.

    python -m bench.growth [--short]     100,000 runs, 1,600 in the short form

Each run goes from its webhook through preparation, analysis, reviews and comments to its end, and every table is
written through the port that writes it in life; the stages answer at once, and of one run in four they write what they
keep, so that it takes minutes. What is kept for days is kept for a thousand runs here, two hundred in the short form,
and the housekeeping's own chores take it away. Vacuuming is autovacuum's, with its defaults but for one: it looks every
second instead of every minute, since days pass in seconds here.
Bounds: the tables of pull requests, which are forgotten when they rest, and all other tables of the schema grow by less
than 10 % from a quarter of the runs to the end. Sizes rise and fall with each vacuum, so the largest within the eighth
of the runs before either is compared. No single table becomes twice as large.
Beside them: what a run leaves behind while its pull request is remembered. A table that nothing was written to would
prove nothing, and ends the bench.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Collection, Sequence
from datetime import timedelta

import psycopg

from bench.figures import Figure, Side, alone
from bench.growth_work import Engine
from bench.setup import ground
from penstock_store.postgres import PostgresStore
from penstock_store.postgres.database import PoolSettings

RUNS, SHORT_RUNS, SHOWN = 100_000, 1_600, 16
ROUND, SHORT_ROUND, KEPT = 250, 50, 4
"""How many runs are under way at once, and for how many rounds everything is kept."""
FIRST, SHARE = 100, 4
GROWTH = 1.1
WORST, FORGIVEN = 2.0, 2**20
"""Of a single table, beyond a mebibyte: a small one rises and falls by more than a tenth."""
RESTING = frozenset({"streams", "facts", "workflow_jobs", "job_execution_history", "effects", "model_spending"})
"""These keep what is known of a pull request for as long as it is remembered."""
UNWRITTEN = frozenset({"schemas", "compatibility", "restorations", "marker_key", "alembic_version"})
"""These have a row for each version, each restored backup or each installation, whatever is reviewed."""
_SIZES = """
select relname, pg_total_relation_size(c.oid) from pg_class as c
where relnamespace = 'workflow'::regnamespace and relkind = 'r'
"""
_WRITTEN = "select relname from pg_stat_user_tables where schemaname = 'workflow' and n_tup_ins > 0"
_KEEN = ("alter system set autovacuum_naptime = '1s'", "select pg_reload_conf()")


class Server:
    """What is asked of it beside the engine."""

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in _KEEN:
                connection.execute(statement.encode())

    def sizes(self) -> dict[str, int]:
        with psycopg.connect(self._url) as connection:
            return dict(connection.execute(_SIZES).fetchall())

    def require_all_written(self) -> None:
        with psycopg.connect(self._url) as connection:
            written = {name for (name,) in connection.execute(_WRITTEN).fetchall()}
        empty = set(self.sizes()) - written - UNWRITTEN
        if empty:
            raise RuntimeError(f"nothing was written to {', '.join(sorted(empty))}: of these the bench says nothing")


async def measure(url: str, runs: int, size: int) -> list[Figure]:
    server, store = Server(url), await PostgresStore.open(url, PoolSettings(size=16).in_order())
    engine = Engine(store)
    empty = server.sizes()
    resting, others = RESTING & set(empty), set(empty) - RESTING
    seen: list[dict[str, int]] = []
    began = deque([time.monotonic()], maxlen=KEPT)
    try:
        await engine.run(0, FIRST)
        left = (_sum(server.sizes(), resting) - _sum(empty, resting)) / FIRST
        for done in range(0, runs, size):
            began.append(time.monotonic())
            await engine.run(FIRST + done, size, SHARE)
            await engine.keep_house(timedelta(seconds=time.monotonic() - began[0]))
            seen.append(server.sizes())
            if (done + size) % (runs // SHOWN) == 0:
                sums = (f"{_sum(seen[-1], tables) / 2**20:.1f}" for tables in (resting, others))
                print(f"  after {done + size} runs, MiB: pull requests {', others '.join(sums)}", flush=True)
        server.require_all_written()
    finally:
        await store.close()
    beside = f"{left / 1024:.1f} KiB a run while it is remembered"
    return [
        growth("growth: tables of pull requests, when resting ones are forgotten", seen, resting, beside),
        growth("growth: all other tables", seen, others),
        worst(seen),
    ]


def _sum(sizes: dict[str, int], tables: Collection[str]) -> int:
    return sum(sizes[table] for table in tables)


def growth(name: str, seen: Sequence[dict[str, int]], tables: Collection[str], beside: str = "") -> Figure:
    """At the end against at a quarter of the runs."""
    sums = [{"all": _sum(sizes, tables)} for sizes in seen]
    before, after = _compared(sums, "all")
    told = f"{len(tables)} tables, {_mib(max(sizes['all'] for sizes in sums))} at most"
    return Figure(name, (after / before,), Side.BELOW, GROWTH, "x", f"{told}; {beside}" if beside else told)


def worst(seen: Sequence[dict[str, int]]) -> Figure:
    """What only grows is four times as large at the end, also where it is too small to be seen in a sum."""
    factors: dict[str, float] = {}
    for table in seen[0]:
        before, after = _compared(seen, table)
        factors[table] = (after + FORGIVEN) / (before + FORGIVEN)
    most = max(factors, key=lambda table: factors[table])
    told = f"{most}, {_mib(_compared(seen, most)[0])} to {_mib(_compared(seen, most)[1])}"
    return Figure("growth: the table that grew most", (factors[most],), Side.BELOW, WORST, "x", told)


def _compared(seen: Sequence[dict[str, int]], table: str) -> tuple[int, int]:
    quarter, eighth = len(seen) // 4, len(seen) // 8
    before, after = seen[quarter - eighth : quarter], seen[-eighth:]
    return max(sizes[table] for sizes in before), max(sizes[table] for sizes in after)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def main(short: bool) -> Sequence[Figure]:
    with ground() as on:
        return asyncio.run(measure(on.database_url, *((SHORT_RUNS, SHORT_ROUND) if short else (RUNS, ROUND))))


if __name__ == "__main__":
    sys.exit(alone(main))
