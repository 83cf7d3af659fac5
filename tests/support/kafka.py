"""A real Kafka for tests.

`kafka`          addresses and a topic prefix of one's own, on a broker that all tests share
`mortal_kafka`   the same with the cluster, to kill and restart its node; it runs again after the test

PENSTOCK_TEST_KAFKA_BOOTSTRAP names a cluster to use instead of a local one (not for the mortal one).
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from penstock.local.errors import KafkaUnavailable
from penstock.local.kafka import KafkaCluster
from tests.support.folders import disposable_folder


@dataclass(frozen=True, slots=True)
class KafkaForTest:
    bootstrap: str
    prefix: str

    def topic(self, name: str) -> str:
        """This topic or group, apart from that of any other test."""
        return f"{self.prefix}{name}"


@dataclass(frozen=True, slots=True)
class MortalKafka(KafkaForTest):
    """`cluster.kill()`, `cluster.restart()`, `cluster.start()` keep addresses and data."""

    cluster: KafkaCluster


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
