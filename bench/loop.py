"""How fast the loop takes records to a handler that does nothing, against a bare poll loop that also decodes.

    python -m bench.loop [--short]

Both read the same topic of a real broker. Ours counts deliveries in a durable PostgreSQL, keeps lanes, commits the
finished prefix; the peer consumes, decodes, commits once a batch. Bound: ratio >= 0.4 (median over the rounds) for
batches; the form that handles one record after the other is shown beside it.
"""

import asyncio
import statistics
import sys
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from confluent_kafka import Consumer
from prometheus_client import CollectorRegistry

from bench.alternate import ROUNDS, Comparison
from bench.figures import Figure, alone
from bench.setup import ground, kafka
from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_eventlog.loop import Limits, Loop, Tools
from penstock_eventlog.outcomes import Outcome, Skip
from penstock_eventlog.records import record_of
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.work import InBatches, OneByOne, Work
from penstock_runtime.collecting import collect_rarely
from penstock_runtime.machine import drive
from penstock_runtime.metrics import Metrics
from penstock_store.postgres import PostgresStore
from penstock_store.rows import Delivered
from tests.unit.penstock_eventlog.events import ast_requested

TOPIC = "ast.requested"
RATIO = 0.4
POLL = 500


async def fill(log: KafkaLog, count: int) -> None:
    await log.prepare()
    producer = log.producer()
    codec = Codec()
    records = [record_of(ast_requested(f"run-{number}"), codec) for number in range(count)]
    await producer.send(records)
    await producer.close()


def peer(address: KafkaAddress, count: int) -> float:
    """Records a second, from the first to the last."""
    consumer, codec, seen = Consumer(address.consumer(f"peer-{uuid.uuid4().hex}")), Codec(), 0
    consumer.subscribe([address.on_wire(TOPIC)])
    began = 0.0
    while seen < count:
        messages = consumer.consume(POLL, 0.05)
        if not messages:
            continue
        began = began or time.perf_counter()
        for message in messages:
            codec.decode(cast("Iterable[tuple[str, bytes | None]]", message.headers()), message.value())
        seen += len(messages)
        consumer.commit(offsets=consumer.position(consumer.assignment()), asynchronous=False)
    rate = count / (time.perf_counter() - began)
    consumer.close()
    return rate


class Counting:
    """A handler that does nothing, in both forms, and knows when it had everything."""

    def __init__(self, count: int) -> None:
        self.began = self.finished = 0.0
        self.ended = asyncio.Event()
        self._left = count

    async def one(self, _: Event[Fact]) -> Outcome:
        self._count(1)
        return Skip("measuring")

    async def batch(self, delivered: Sequence[Delivered]) -> Sequence[Outcome]:
        self._count(len(delivered))
        return [Skip("measuring") for _ in delivered]

    def _count(self, number: int) -> None:
        self.began = self.began or time.perf_counter()
        self._left -= number
        if self._left <= 0:
            self.finished = time.perf_counter()
            self.ended.set()


async def ours(log: KafkaLog, store: PostgresStore, count: int, form: str) -> float:
    counting = Counting(count)
    work: Work = OneByOne({TOPIC: counting.one}, 256) if form == "one by one" else InBatches(counting.batch)
    tools = Tools(log, store, Codec(), Metrics(CollectorRegistry()), Solitude())
    group = f"ours-{uuid.uuid4().hex}"
    loop = Loop(group, (TOPIC,), work, tools, source="bench", limits=Limits(poll=POLL))
    await drive(loop, counting.ended)
    return count / (counting.finished - counting.began)


async def measure(address: KafkaAddress, url: str, count: int, rounds: int) -> list[Figure]:
    log = KafkaLog(address)
    store = await PostgresStore.open(url)
    await fill(log, count)
    rates: dict[str, list[tuple[float, float]]] = {"batches": [], "one by one": []}
    for form, pairs in rates.items():
        for _ in range(rounds):
            bare = await asyncio.to_thread(peer, address, count)
            pairs.append((await ours(log, store, count, form), bare))
    await store.close()
    compared = {form: Comparison(*zip(*pairs, strict=True)) for form, pairs in rates.items()}
    batches = compared["batches"].figure("loop: batches, against a bare poll loop that also decodes", RATIO)
    single = statistics.median(compared["one by one"].ratios)
    return [replace(batches, beside=f"{batches.beside}; one record after the other: ratio {single:.2f}")]


def main(short: bool) -> Sequence[Figure]:
    collect_rarely()  # as every service does
    with ground() as on, kafka(on) as address:
        return asyncio.run(measure(address, on.database_url, 5_000 if short else 20_000, 3 if short else ROUNDS))


if __name__ == "__main__":
    sys.exit(alone(main))
