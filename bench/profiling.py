"""Where the time goes: runs what a bench measures under a profiler and writes what it says to bench/profiles.

    python -m bench.profiling [apply] [apply_batches] [five_stages_kafka] [loop] [relay] [statements]

Times of functions are processor time of the event loop's thread, and dearer than without a profiler where functions are
small; shares are what to look at. `statements` asks PostgreSQL how it carries out those of apply, once the tables have
grown: a plan that reads a table whole shows here.
"""

import argparse
import asyncio
import io
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from cProfile import Profile
from pathlib import Path
from pstats import Stats
from typing import Any

from psycopg import AsyncClientCursor, AsyncConnection

from bench import apply, loop, relay
from bench.five_stages_profile import five_stages_on_kafka
from bench.setup import Ground, ground, kafka
from penstock_contracts.codec import Codec
from penstock_eventlog.kafka import KafkaLog
from penstock_runtime.collecting import collect_rarely
from penstock_store.postgres import PostgresStore, applying
from penstock_store.postgres.database import PoolSettings

FOLDER = Path(__file__).with_name("profiles")
LINES = 25
EVENTS = 2_000
RECORDS = 10_000


async def profiled(work: Callable[[], Awaitable[object]]) -> str:
    """Its functions, dearest first, by their own time and by that of all they call."""
    profile, text = Profile(time.thread_time), io.StringIO()
    profile.enable()
    await work()
    profile.disable()
    stats = Stats(profile, stream=text).strip_dirs()
    stats.sort_stats("tottime").print_stats(LINES)
    stats.sort_stats("cumtime").print_stats(LINES)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip())


async def apply_one_by_one(on: Ground) -> str:
    return await _applied(on, 1)


async def apply_in_batches(on: Ground) -> str:
    return await _applied(on, apply.BATCH)


async def _applied(on: Ground, size: int) -> str:
    store = await PostgresStore.open(on.database_url, PoolSettings(size=apply.CONNECTIONS))
    await apply.ours(store, "warm", EVENTS // 4, size)
    text = await profiled(lambda: apply.ours(store, "profiled", EVENTS, size))
    await store.close()
    return text


async def loop_one_by_one(on: Ground) -> str:
    with kafka(on) as address:
        log, store = KafkaLog(address), await PostgresStore.open(on.database_url)
        await loop.fill(log, RECORDS)
        text = await profiled(lambda: loop.ours(log, store, RECORDS, "one by one"))
        await store.close()
        return text


async def relayed(on: Ground) -> str:
    with kafka(on) as address:
        log, store = KafkaLog(address), await PostgresStore.open(on.database_url)
        await log.prepare()
        await store.outbox.put(relay.rows_of(0, RECORDS))
        text = await profiled(lambda: relay.ours(log, store, RECORDS))
        await store.close()
        return text


async def five_stages(on: Ground) -> str:
    return await asyncio.to_thread(five_stages_on_kafka, on)


async def statements(on: Ground) -> str:
    """With the plans that prepared statements have in the end, which do not know the values."""
    store = await PostgresStore.open(on.database_url, PoolSettings(size=apply.CONNECTIONS))
    await apply.ours(store, "grown", EVENTS, apply.BATCH)
    await store.close()
    (delivered,) = apply.events("explained", 1)
    raw = await apply.ready_made([delivered], Codec())
    opened = {"consumer": "orchestrator", "outcome": "applied", "streams": raw.streams, "ids": raw.ids}
    async with await AsyncConnection.connect(on.database_url, autocommit=True) as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan")
        plans = [await _plan(connection, "open", *_positional(applying._OPEN, opened))]
        plans += [await _plan(connection, "write", *_positional(text, values)) for text, values in raw.writes]
    return "\n".join(plans)


def _positional(statement: str, values: Any) -> tuple[str, Sequence[Any]]:
    """As PREPARE wants it: $1 for the first value, and so on."""
    if isinstance(values, dict):
        names = list(values)
        return re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement), list(values.values())
    for number in range(1, len(values) + 1):
        statement = statement.replace("%s", f"${number}", 1)
    return statement, values


async def _plan(connection: AsyncConnection[Any], name: str, statement: str, values: Sequence[Any]) -> str:
    cursor = AsyncClientCursor(connection)
    marks = ", ".join(["%s"] * len(values))
    await cursor.execute(f"prepare {name} as {statement}".encode())
    await cursor.execute(f"explain (analyze, buffers) execute {name} ({marks})".encode(), values)
    return "\n".join([f"-- {name}", *(line for (line,) in await cursor.fetchall())])


PROFILES: dict[str, Callable[[Ground], Awaitable[str]]] = {
    "apply": apply_one_by_one,
    "apply_batches": apply_in_batches,
    "five_stages_kafka": five_stages,
    "loop": loop_one_by_one,
    "relay": relayed,
    "statements": statements,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(PROFILES)}")
    names: Sequence[str] = parser.parse_args(arguments).names or list(PROFILES)
    if unknown := set(names) - set(PROFILES):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    collect_rarely()  # as every service does
    for name in names:
        with ground() as on:
            text = asyncio.run(_run(name, on))
        path = FOLDER / f"{name}.txt"
        path.write_text(f"Written by `python -m bench.profiling {name}`; do not edit.\n\n{text}\n")
        print(path)
    return 0


async def _run(name: str, on: Ground) -> str:
    return await PROFILES[name](on)


if __name__ == "__main__":
    sys.exit(main())
