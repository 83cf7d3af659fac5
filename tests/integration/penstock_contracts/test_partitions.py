"""librdkafka's murmur2_random chooses the partitions that we compute, on its mock cluster and on a real broker."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from penstock_contracts.ids import deterministic_id
from penstock_contracts.partitioner import partition_of
from tests.support.kafka import KafkaForTest

KEYS = [
    *(f"github:github.com:{number * 7919}:{number}" for number in range(300)),
    *(deterministic_id("run", str(number)) for number in range(300)),
    *("k" * length for length in range(64)),
    *("größe", "組織", "🚰"),
]


def produced(configuration: dict[str, Any], topic: str) -> dict[str, int]:
    """The partition that the client chose for each key, from its delivery reports."""
    chosen: dict[str, int] = {}

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        key, partition = message.key(), message.partition()
        assert key is not None
        assert partition is not None
        chosen[key.decode()] = partition

    producer = Producer(configuration | {"partitioner": "murmur2_random"})
    for key in KEYS:
        producer.produce(topic, b"", key=key, on_delivery=delivered)
    assert producer.flush(30) == 0
    return chosen


def test_the_client_chooses_our_partitions_on_its_mock_cluster() -> None:
    chosen = produced({"bootstrap.servers": "", "test.mock.num.brokers": 1}, "mocked")

    assert len(set(chosen.values())) == 4  # as many as the mock cluster gives a topic
    assert chosen == {key: partition_of(key, None, 4) for key in KEYS}


@pytest.mark.kafka
@pytest.mark.parametrize("partitions", [12, 24])
def test_the_client_chooses_our_partitions_on_a_broker(kafka: KafkaForTest, partitions: int) -> None:
    topic = kafka.topic(f"of-{partitions}")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})  # kept until it has answered
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)

    chosen = produced({"bootstrap.servers": kafka.bootstrap}, topic)

    assert chosen == {key: partition_of(key, None, partitions) for key in KEYS}
