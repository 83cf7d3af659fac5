"""Whether a broker is ready, asked as clients ask."""

import logging

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

_NAME = "penstock-probe"
_SECONDS = 2.0
_QUIET = logging.Logger("penstock.local.kafka_probe", logging.CRITICAL + 1)


def sees_brokers(address: str, brokers: int) -> bool:
    """Whether the broker at this address answers and knows of so many of its kind."""
    try:
        return len(AdminClient(_settings(address), logger=_QUIET).list_topics(timeout=_SECONDS).brokers) >= brokers
    except KafkaException:
        return False


def coordinates_groups(address: str) -> bool:
    """Whether groups can be joined; asking makes the broker create the topic it keeps them in."""
    consumer = Consumer({**_settings(address), "group.id": _NAME}, logger=_QUIET)
    try:
        consumer.committed([TopicPartition(_NAME, 0)], timeout=_SECONDS)
    except KafkaException:
        return False
    finally:
        consumer.close()
    return True


def _settings(address: str) -> dict[str, str | int | float | bool]:
    return {"bootstrap.servers": address, "reconnect.backoff.max.ms": 100, "socket.timeout.ms": 2000}
