"""The local Kafka through kills of its node and of its owner."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from penstock.local.errors import KafkaFailed
from penstock.local.kafka import KafkaCluster
from penstock.local.kafka_jars import java_problem
from penstock.local.process import ServerProcess
from tests.support.folders import disposable_folder
from tests.support.kafka import KafkaForTest, MortalKafka
from tests.support.processes import Processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.kafka

OWNER = """
import sys, time
from pathlib import Path
from penstock.local.kafka import KafkaCluster
from penstock.local.process import Lifetime
KafkaCluster(Path(sys.argv[1]), lifetime=Lifetime[sys.argv[2]]).start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with disposable_folder() as folder:
        yield folder


def create(kafka: KafkaForTest, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})  # kept until it has answered
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def write(bootstrap: str, topic: str, *values: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def read(bootstrap: str, topic: str, count: int) -> list[str]:
    settings = {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    found: list[str] = []

    def enough() -> bool:
        for message in consumer.consume(100, 0.2):
            assert message.error() is None, message.error()
            found.append((message.value() or b"").decode())
        return len(found) >= count

    wait_until(enough, within=30, what=f"{count} records of {topic}")
    consumer.close()
    return found


def test_what_was_acknowledged_is_there_after_the_node_was_killed(mortal_kafka: MortalKafka) -> None:
    topic = mortal_kafka.topic("kept")
    create(mortal_kafka, topic)
    write(mortal_kafka.bootstrap, topic, "one", "two")
    mortal_kafka.cluster.kill()
    assert not mortal_kafka.cluster.running()
    mortal_kafka.cluster.start()
    assert read(mortal_kafka.bootstrap, topic, 2) == ["one", "two"]


def test_topics_of_two_tests_never_have_one_name(kafka: KafkaForTest, mortal_kafka: MortalKafka) -> None:
    assert kafka.topic("pr.received") != mortal_kafka.topic("pr.received")


def test_another_process_sees_the_addresses_and_the_nodes_of_a_folder(mortal_kafka: MortalKafka) -> None:
    other = KafkaCluster(mortal_kafka.cluster.data_dir)
    assert other.bootstrap == mortal_kafka.bootstrap
    assert other.nodes == (1,)
    assert other.running(1)


@pytest.mark.skipif(java_problem() is not None, reason="containers are watched by their daemon")
def test_the_broker_ends_when_its_owner_is_killed(folder: Path, processes: Processes, kafka: KafkaForTest) -> None:
    owner = processes.start("python", "-c", OWNER, folder / "kafka", "WITH_OWNER")
    owner.wait_for_output("started", within=60)
    broker = ServerProcess.load(folder / "kafka" / "node-1.pid")
    assert broker
    owner.send(signal.SIGKILL)
    wait_until(lambda: not broker.alive(), what="the end of the orphaned broker")


def test_a_detached_broker_outlives_its_starter_and_can_be_stopped_by_anybody(
    folder: Path, processes: Processes, kafka: KafkaForTest
) -> None:
    starter = processes.start("python", "-c", OWNER, folder / "kafka", "DETACHED")
    starter.wait_for_output("started", within=60)
    starter.send(signal.SIGKILL)
    starter.wait()
    cluster = KafkaCluster(folder / "kafka")
    assert cluster.running()
    cluster.stop()
    assert not cluster.running()


def test_a_broker_that_cannot_start_is_reported_with_what_it_said(folder: Path, kafka: KafkaForTest) -> None:
    with pytest.raises(KafkaFailed, match=r"node 1 .*num\.io\.threads"):
        KafkaCluster(folder / "kafka", settings={"num.io.threads": "none"}).start()
