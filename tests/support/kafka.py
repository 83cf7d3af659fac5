"""A real Kafka for tests.

`kafka`          addresses and a topic prefix of one's own, on a broker that all tests share
`mortal_kafka`   the same with the cluster, to kill and restart its node; it runs again after the test

PENSTOCK_TEST_KAFKA_BOOTSTRAP names a cluster to use instead of a local one (not for the mortal one).
"""

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does, but not by name
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from penstock.local.errors import KafkaUnavailable
from penstock.local.kafka import KafkaCluster
from tests.support.folders import disposable_folder
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class KafkaForTest:
    bootstrap: str
    prefix: str

    def topic(self, name: str) -> str:
        """This topic or group, apart from that of any other test."""
        return f"{self.prefix}{name}"

    async def limit(self, topic: str, size: int) -> None:
        """From now on the topic takes no batch that is larger."""
        await limit_topic(self.bootstrap, self.topic(topic), size)


@dataclass(frozen=True, slots=True)
class MortalKafka(KafkaForTest):
    """`cluster.kill()`, `cluster.restart()`, `cluster.start()` keep addresses and data."""

    cluster: KafkaCluster


async def limit_topic(bootstrap: str, topic: str, size: int) -> None:
    """Sets `max.message.bytes` and waits until the broker says so."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    asked = ConfigResource(ResourceType.TOPIC, topic)
    for done in admin.incremental_alter_configs(
        [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]
    ).values():
        await asyncio.wrap_future(done)

    async def said() -> bool:
        (future,) = admin.describe_configs([asked]).values()
        found = await asyncio.wrap_future(future)
        return bool(found["max.message.bytes"].value == str(size))

    await eventually(said, what=f"{topic} to take {size} bytes")


@pytest.fixture(scope="session")
def kafka_cluster() -> Iterator[KafkaCluster]:
    with _local_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    if given := os.environ.get("PENSTOCK_TEST_KAFKA_BOOTSTRAP"):
        return given
    cluster: KafkaCluster = request.getfixturevalue("kafka_cluster")
    return cluster.bootstrap


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaForTest:
    return KafkaForTest(bootstrap=kafka_bootstrap, prefix=_prefix())


@pytest.fixture
def mortal_kafka(kafka_cluster: KafkaCluster) -> Iterator[MortalKafka]:
    yield MortalKafka(bootstrap=kafka_cluster.bootstrap, prefix=_prefix(), cluster=kafka_cluster)
    kafka_cluster.start()


def _prefix() -> str:
    return f"t{uuid.uuid4().hex[:12]}."


@contextmanager
def _local_cluster() -> Iterator[KafkaCluster]:
    with disposable_folder() as folder:
        cluster = KafkaCluster(folder / "kafka")
        try:
            cluster.start()
        except KafkaUnavailable as unavailable:
            pytest.skip(f"NO KAFKA, ITS TESTS DO NOT RUN: {unavailable}")
        try:
            yield cluster
        finally:
            cluster.remove()
