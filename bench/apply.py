"""How fast the store applies, against the same statements in raw psycopg on the same durable server in the same run.

    python -m bench.apply [--short]

The peer gets the statements and values of each transaction ready-made: it neither decides nor encodes. A second peer
also decides, evolves and encodes each fact, which no program is spared; the ratio to it is what the store itself costs.
The fold is a toy, so that the store is what is measured; orchestrator.py has the real one, with all there is around it.
Bounds: ratio to the first >= 0.7 (median over the rounds); at least 1,000 events/s one by one, 2,500 in batches of 50.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from psycopg_pool import AsyncConnectionPool

from bench.alternate import ROUNDS
from bench.figures import Figure, Side, alone
from bench.setup import ground
from penstock_contracts.codec import Codec
from penstock_runtime.collecting import collect_rarely
from penstock_runtime.steps import NO_STEPS
from penstock_store.changes import Changes
from penstock_store.encoding import DEFAULT
from penstock_store.folding import Folding
from penstock_store.postgres import PostgresStore, applying
from penstock_store.postgres.database import Connection, PoolSettings
from penstock_store.postgres.writing import write_changes
from penstock_store.rows import Delivered
from tests.support.toy_fold import START, ToyFold, ToyState, received

CONNECTIONS = 8
BATCH = 50
RATIO = 0.7
FLOORS = {1: 1_000, BATCH: 2_500}


@dataclass
class Recorder:
    """Stands where a connection stands and writes down what it is asked to execute."""

    statements: list[tuple[Any, Any]] = field(default_factory=list)

    async def execute(self, statement: Any, values: Any) -> None:
        self.statements.append((statement, values))


@dataclass
class RawTransaction:
    batch: Sequence[Delivered]
    streams: list[str]
    ids: list[str]
    writes: list[tuple[Any, Any]]


def events(label: str, count: int) -> list[Delivered]:
    return [received(f"{label}-{number}", f"github:github.com:{label}:{number}") for number in range(count)]


def cut(delivered: Sequence[Delivered], size: int) -> list[Sequence[Delivered]]:
    return [delivered[at : at + size] for at in range(0, len(delivered), size)]


async def ready_made(batch: Sequence[Delivered], codec: Codec) -> RawTransaction:
    fold = ToyFold()
    folding: Folding[ToyState] = Folding(fold, codec, NO_STEPS, START, DEFAULT)
    streams = sorted(one.event.envelope.stream for one in batch)
    for stream in streams:
        folding.hold(stream, fold.initial(stream))
    for one in batch:
        folding.apply(one)
    changes: Changes = folding.changes()
    recorder = Recorder()
    await write_changes(cast("Connection", recorder), changes)
    return RawTransaction(batch, streams, [one.event.envelope.id for one in batch], recorder.statements)


async def in_parallel(work: Iterable[Callable[[], Awaitable[object]]]) -> None:
    queue = iter(list(work))

    async def worker() -> None:
        for piece in queue:
            await piece()

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))


async def ours(store: PostgresStore, label: str, count: int, size: int) -> float:
    batches = cut(events(label, count), size)
    fold = ToyFold()
    began = time.perf_counter()
    await in_parallel([lambda b=batch: store.streams.apply("orchestrator", b, fold) for batch in batches])  # type: ignore[misc]
    return count / (time.perf_counter() - began)


def think(batch: Sequence[Delivered], codec: Codec) -> None:
    """What is to be done to an event whoever stores it."""
    fold = ToyFold()
    for one in batch:
        state = fold.initial(one.event.envelope.stream)
        for fact in fold.decide(state, one.event, START):
            state = fold.evolve(state, fact)
            codec.encode(fact)
        fold.project(state)
        fold.encode(state)


def only_send(batch: Sequence[Delivered], codec: Codec) -> None:
    """The first peer."""


Thinking = Callable[[Sequence[Delivered], Codec], None]


async def peer(pool: AsyncConnectionPool[Any], thinking: Thinking, label: str, count: int, size: int) -> float:
    codec = Codec()
    transactions = [await ready_made(batch, codec) for batch in cut(events(label, count), size)]

    async def run(transaction: RawTransaction) -> None:
        async with pool.connection() as connection, connection.pipeline():
            await connection.execute("begin")
            values = {"consumer": "orchestrator", "outcome": "applied"}
            asked = {**values, "streams": transaction.streams, "ids": transaction.ids}
            opened = await connection.execute(applying._OPEN, asked, binary=True)
            await opened.fetchall()
            thinking(transaction.batch, codec)
            for statement, parameters in transaction.writes:
                await connection.execute(statement, parameters)
            await connection.execute("commit")

    began = time.perf_counter()
    await in_parallel([lambda t=transaction: run(t) for transaction in transactions])  # type: ignore[misc]
    return count / (time.perf_counter() - began)


async def compare(url: str, size: int, count: int, rounds: int) -> list[Figure]:
    settings = PoolSettings(size=CONNECTIONS)
    store = await PostgresStore.open(url, settings)
    measured: list[tuple[float, float, float]] = []
    async with AsyncConnectionPool(
        url, kwargs=settings.connection(), min_size=CONNECTIONS, max_size=CONNECTIONS, open=False
    ) as pool:
        await ours(store, f"warm-o{size}", count // 4, size)
        await peer(pool, only_send, f"warm-p{size}", count // 4, size)
        for turn in range(rounds):
            rate = await ours(store, f"o{size}-{turn}", count, size)
            sending = await peer(pool, only_send, f"s{size}-{turn}", count, size)
            thinking = await peer(pool, think, f"t{size}-{turn}", count, size)
            measured.append((rate, rate / sending, rate / thinking))
    await store.close()
    return figures(size, measured)


def figures(size: int, measured: Sequence[tuple[float, float, float]]) -> list[Figure]:
    rates, ratios, thinking = zip(*measured, strict=True)
    how = "one by one" if size == 1 else f"in batches of {size}"
    beside = f"{statistics.median(thinking):.2f} where the peer decides and encodes as well"
    return [
        Figure(f"apply: events of a toy fold {how}, no Kafka", rates, Side.AT_LEAST, FLOORS[size], "/s"),
        Figure(f"apply: {how}, against the same statements", ratios, Side.AT_LEAST, RATIO, beside=beside),
    ]


def main(short: bool) -> Sequence[Figure]:
    collect_rarely()  # as every service does
    count, rounds = (1_000, 3) if short else (3_000, ROUNDS)
    with ground() as on:
        return [figure for size in FLOORS for figure in asyncio.run(compare(on.database_url, size, count, rounds))]


if __name__ == "__main__":
    sys.exit(alone(main))
