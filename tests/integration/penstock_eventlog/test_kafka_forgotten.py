"""Clients that were told that there are no brokers: they forget all they knew, and would never look for one again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.kafka import KafkaAddress, KafkaLog, known
from tests.suites.log import OTHER, TOPIC, Member, record
from tests.support.forgetful import ForgetfulBroker
from tests.support.kafka import KafkaForTest
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka
FORGETTING = {"metadata.recovery.strategy": "none", "topic.metadata.refresh.interval.ms": "500"}
"""By default whether a client looks for brokers again depends on what happens first; so it never does."""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "EVERY_MS", 500)


@pytest.fixture
async def forgetful(kafka: KafkaForTest) -> AsyncIterator[ForgetfulBroker]:
    """In front of topics that are led: of one that is not yet, a broker tells its own address beside the refusal."""
    log = KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix))
    await log.prepare()
    producer = log.producer()
    await producer.send([record("before", -1, topic, spread) for topic in (TOPIC, OTHER) for spread in range(12)])
    await producer.close()
    async with ForgetfulBroker(kafka.bootstrap).listening() as broker:
        yield broker


@pytest.fixture
def log(kafka: KafkaForTest, forgetful: ForgetfulBroker) -> KafkaLog:
    return KafkaLog(KafkaAddress(forgetful.bootstrap, kafka.prefix, FORGETTING))


async def test_a_consumer_that_forgot_all_brokers_joins_again_and_reads_on(
    kafka: KafkaForTest, forgetful: ForgetfulBroker, log: KafkaLog, caplog: pytest.LogCaptureFixture
) -> None:
    producer = KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix)).producer()
    lost: list[object] = []
    member = Member(log.consumer("group", [TOPIC], lost.append))
    await producer.send([record(f"key-{number}", number) for number in range(50)])
    await member.poll_until(lambda: set(member.values()) >= set(range(50)))
    await member.commit_all()
    with forgetful.forgetting():
        await eventually(lambda: forgetful.forgot, 30, "the consumer to be told of no broker")
    await producer.send([record(f"key-{number}", number) for number in range(50, 100)])
    await member.poll_until(lambda: set(member.values()) >= set(range(100)))
    assert "the client knows no broker any more" in caplog.text
    assert len(lost) == 1
    await member.commit_all()
    await member.consumer.close()
    await producer.close()


async def test_a_producer_that_forgot_all_brokers_is_replaced(
    forgetful: ForgetfulBroker, log: KafkaLog, caplog: pytest.LogCaptureFixture
) -> None:
    producer = log.producer()
    await producer.send([record("key", 0)])
    async with asyncio.timeout(60):
        with forgetful.forgetting(), pytest.raises(LogUnavailable):
            await producer.send([record("key", 1, OTHER)])
        await producer.send([record("key", 1, OTHER)])
    assert "the Kafka producer is replaced" in caplog.text
    await producer.close()
