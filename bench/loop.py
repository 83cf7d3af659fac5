"""How fast the loop takes records to a handler that does nothing, against a bare poll loop that also decodes.

    python bench/loop.py [records per round] [rounds]

Both read the same topic of a real broker. Ours counts deliveries in a durable PostgreSQL, keeps lanes, commits the
finished prefix; the peer consumes, decodes, commits once a batch. Bound: ratio >= 0.4 (median over the rounds) for
batches; the form that handles one record after the other is shown beside it.
"""

import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from confluent_kafka import Consumer
from prometheus_client import CollectorRegistry

from penstock.local.kafka import KafkaCluster
from penstock.local.postgres import Durability, EmbeddedPostgres
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
from penstock_store import migrations
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


async def measure(address: KafkaAddress, url: str, count: int, rounds: int) -> bool:
    log = KafkaLog(address)
    store = await PostgresStore.open(url)
    await fill(log, count)
    passed = True
    for form in ("batches", "one by one"):
        ratios: list[float] = []
        for _ in range(rounds):
            bare = await asyncio.to_thread(peer, address, count)
            rate = await ours(log, store, count, form)
            ratios.append(rate / bare)
            print(f"{form:<11} bare {bare:>8.0f}/s  loop {rate:>8.0f}/s  ratio {rate / bare:.2f}")
        median = statistics.median(ratios)
        print(f"{form:<11} median {median:.2f}, from {min(ratios):.2f} to {max(ratios):.2f}, bound {RATIO}")
        passed = passed and (median >= RATIO or form != "batches")
    await store.close()
    return passed


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    collect_rarely()  # as every service does
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        cluster = KafkaCluster(Path(folder) / "kafka")
        server = EmbeddedPostgres(Path(folder) / "postgres", Durability.DURABLE)
        cluster.start()
        server.start()
        try:
            migrations.upgrade(server.url())
            address = KafkaAddress(cluster.bootstrap)
            return 0 if asyncio.run(measure(address, server.url(), count, rounds)) else 1
        finally:
            server.remove()
            cluster.remove()


if __name__ == "__main__":
    sys.exit(main())
