"""How fast the relay takes rows from the outbox to Kafka, against a bare producer loop over the same rows.

    python -m bench.relay [--short]

The peer reads the same rows with one plain statement, in batches of the same size, and produces them to the same topic,
waiting for each batch's acknowledgements. It neither marks them nor holds leases, which the relay does in a durable
PostgreSQL. Both have had a record acknowledged when their time begins: a new producer may wait for half a second before
its first one. Bound: ratio >= 0.5 (median over the rounds).
"""

import asyncio
import sys
import time
from collections.abc import Sequence

import psycopg
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from bench.alternate import ROUNDS, Comparison
from bench.figures import Figure, alone
from bench.setup import ground, kafka
from penstock_contracts.codec import Codec
from penstock_contracts.routing import SHARDS
from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_eventlog.ports import NewRecord
from penstock_eventlog.records import outbox_row_of, record_of
from penstock_eventlog.relay import BATCH, Relay
from penstock_eventlog.shard_leases import ShardLeases
from penstock_eventlog.sinks import ProducerSink
from penstock_runtime.clock import SystemClock
from penstock_runtime.collecting import collect_rarely
from penstock_runtime.metrics import Metrics
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


def first_record() -> NewRecord:
    return record_of(pr_received("first"), Codec())


async def peer(address: KafkaAddress, url: str) -> float:
    producer = Producer(address.producer())
    first = first_record()
    producer.produce(address.on_wire(first.topic), key=first.key, value=first.value, headers=list(first.headers))
    producer.flush()
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
    await producer.send([first_record()])
    began = time.perf_counter()
    while await store.outbox.unsent(range(SHARDS), 1):
        while not await relay.step():
            continue
    rate = count / (time.perf_counter() - began)
    await relay.stop()
    await producer.close()
    return rate


async def measure(address: KafkaAddress, url: str, count: int, rounds: int) -> Figure:
    log = KafkaLog(address)
    await log.prepare()
    store = await PostgresStore.open(url)
    pairs: list[tuple[float, float]] = []
    for turn in range(rounds + 1):
        await store.outbox.put(rows_of(turn, count))
        bare = await peer(address, url)
        pairs.append((await ours(log, store, count), bare))
    await store.close()
    warm = pairs[1:]  # the first one warms broker and database up
    return Comparison(*zip(*warm, strict=True)).figure("relay: against a bare producer loop over the same rows", RATIO)


def main(short: bool) -> Sequence[Figure]:
    collect_rarely()  # as every service does
    with ground() as on, kafka(on) as address:
        count, rounds = (2_500, 3) if short else (10_000, ROUNDS)
        return [asyncio.run(measure(address, on.database_url, count, rounds))]


if __name__ == "__main__":
    sys.exit(alone(main))
