"""How fast the relay takes rows from the outbox to Kafka, against a bare producer loop over the same rows.

    python bench/relay.py [rows per round] [rounds]

The peer reads the same rows with one plain statement, in batches of the same size, and produces them to the same topic,
waiting for each batch's acknowledgements. It neither marks them nor holds leases, which the relay does in a durable
PostgreSQL. Bound: ratio >= 0.5 (median over the rounds).
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from penstock.local.kafka import KafkaCluster
from penstock.local.postgres import Durability, EmbeddedPostgres
from penstock_contracts.codec import Codec
from penstock_contracts.routing import SHARDS
from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_eventlog.records import outbox_row_of
from penstock_eventlog.relay import BATCH, Relay
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_runtime.clock import SystemClock
from penstock_runtime.collecting import collect_rarely
from penstock_runtime.metrics import Metrics
from penstock_store import migrations
from penstock_store.postgres import PostgresStore
from penstock_store.postgres.headers import unpack_headers
from penstock_store.rows import NewOutboxRow
from tests.unit.penstock_eventlog.events import pr_received

RATIO = 0.5
STREAMS = 200
READ = """
select id, topic, key, headers, value from workflow.outbox_messages
where sent_at is null and id > %s order by id limit %s
"""


def rows_of(turn: int, count: int) -> list[NewOutboxRow]:
    codec = Codec()
    return [
        outbox_row_of(pr_received(f"stream-{number % STREAMS}", turn * count + number), codec)
        for number in range(count)
    ]


async def peer(address: KafkaAddress, url: str) -> float:
    producer = Producer(address.producer())
    producer.list_topics(timeout=10)
    acknowledged: list[object] = []
    last = 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        began = time.perf_counter()
        while rows := await (await connection.execute(READ, (last, BATCH), binary=True)).fetchall():
            for _, topic, key, headers, value in rows:
                producer.produce(
                    address.on_wire(topic),
                    key=key,
                    value=value,
                    headers=list(unpack_headers(headers)),
                    on_delivery=lambda error, _: acknowledged.append(error),
                )
            await asyncio.to_thread(producer.flush)
            last = rows[-1][0]
    return len(acknowledged) / (time.perf_counter() - began)


async def ours(log: KafkaLog, store: PostgresStore, count: int) -> float:
    producer, clock = log.producer(), SystemClock()
    shards = ShardLeases(store.leases, "bench", clock)
    relay = Relay(
        store,
        ProducerSink(producer, store.outbox),
        shards,
        clock=clock,
        metrics=Metrics(CollectorRegistry()),
    )
    await shards.held()
    began = time.perf_counter()
    while await store.outbox.unsent(range(SHARDS), 1):
        while not await relay.step():
            continue
    rate = count / (time.perf_counter() - began)
    await relay.stop()
    await producer.close()
    return rate


async def measure(address: KafkaAddress, url: str, count: int, rounds: int) -> bool:
    log = KafkaLog(address)
    await log.prepare()
    store = await PostgresStore.open(url)
    ratios: list[float] = []
    for turn in range(rounds + 1):
        await store.outbox.put(rows_of(turn, count))
        bare = await peer(address, url)
        rate = await ours(log, store, count)
        if turn:  # the first one warms broker and database up
            ratios.append(rate / bare)
            print(f"bare {bare:>8.0f}/s  relay {rate:>8.0f}/s  ratio {rate / bare:.2f}")
    median = statistics.median(ratios)
    print(f"median {median:.2f}, from {min(ratios):.2f} to {max(ratios):.2f}, bound {RATIO}")
    await store.close()
    return median >= RATIO


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    collect_rarely()  # as every service does
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        Path(folder).chmod(0o711)
        cluster = KafkaCluster(Path(folder) / "kafka")
        server = EmbeddedPostgres(Path(folder) / "postgres", Durability.DURABLE)
        cluster.start()
        server.start()
        try:
            migrations.upgrade(server.url())
            held = asyncio.run(measure(KafkaAddress(cluster.bootstrap), server.url(), count, rounds))
        finally:
            server.remove()
            cluster.remove()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
