"""Says every record of every topic a second time, word for word, so that it is delivered twice. Its own process.

A copy carries one header more, by which copies are not copied; whoever handles records ignores headers it does not
know. Positions are committed after the copies are acknowledged, so a record is copied at least once.
"""

import argparse
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from penstock_contracts.flow import TOPICS
from penstock_eventlog.kafka import KafkaAddress

COPY = "chaos_copy"
GROUP = "chaos-duplicator"


def copy(message: Message, producer: Producer) -> None:
    headers: list[tuple[str, Any]] = list(dict(message.headers() or []).items())
    if any(name == COPY for name, _ in headers):
        return
    producer.produce(
        str(message.topic()),
        message.value(),
        message.key(),
        partition=message.partition() or 0,
        headers=[*headers, (COPY, b"1")],
    )
    producer.poll(0)


def run(bootstrap: str, prefix: str) -> None:
    consumer = Consumer({**KafkaAddress(bootstrap, prefix).consumer(GROUP), "enable.auto.offset.store": True})
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "message.timeout.ms": 0, "linger.ms": 5}
    )
    consumer.subscribe([prefix + topic.name for topic in TOPICS])
    while True:
        messages = [each for each in consumer.consume(500, 0.2) if each.error() is None]
        for message in messages:
            copy(message, producer)
        if messages and producer.flush(60) == 0:
            commit(consumer)


def commit(consumer: Consumer) -> None:
    """The broker may be away; then what was copied is copied once more."""
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
        print(f"not committed: {error}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", default="")
    given = parser.parse_args()
    run(given.bootstrap, given.prefix)


if __name__ == "__main__":
    main()
