"""Topics of a real Kafka that take less at once than a client likes to send."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from penstock_eventlog.errors import LogUnavailable, RecordRefused
from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_eventlog.kafka.producer import KafkaProducer
from penstock_eventlog.ports import Log, NewRecord, Producer
from penstock_eventlog.records import size_of
from tests.suites.log import OTHER, TOPIC, LogLimits, join, record, say, weighing
from tests.support.kafka import KafkaForTest

pytestmark = pytest.mark.kafka


class KafkaDesk:
    def __init__(self, kafka: KafkaForTest, properties: Mapping[str, str]) -> None:
        self.address = KafkaAddress(kafka.bootstrap, kafka.prefix, properties)
        self.log: Log = KafkaLog(self.address)
        self._kafka = kafka

    async def settle(self) -> None:
        """What is acknowledged is there."""

    async def limit(self, topic: str, size: int) -> None:
        await self._kafka.limit(topic, size)


async def prepared(kafka: KafkaForTest, **properties: str) -> KafkaDesk:
    desk = KafkaDesk(kafka, {name.replace("_", "."): value for name, value in properties.items()})
    await desk.log.prepare()
    return desk


@pytest.fixture
async def limited(kafka: KafkaForTest) -> AsyncIterator[KafkaDesk]:
    desk = await prepared(kafka)
    yield desk
    await desk.log.close()


class TestKafkaLimits(LogLimits):
    """Of topics with a prefix of the test's own."""


async def values(desk: KafkaDesk, topic: str = TOPIC, wanted: int = 1) -> Sequence[int]:
    member = join(desk, "group", topic)
    await member.poll_until(lambda: len(member.records) >= wanted)
    await member.consumer.close()
    return member.values()


async def test_many_small_records_of_a_topic_that_takes_little_are_all_taken_in_order(limited: KafkaDesk) -> None:
    await limited.limit(TOPIC, 10_000)
    await say(limited, [weighing("a", number, 2_000) for number in range(300)])
    assert await values(limited, wanted=300) == list(range(300))


async def test_a_topic_that_takes_more_takes_what_another_one_does_not(limited: KafkaDesk) -> None:
    await limited.limit(OTHER, 1_000)
    large = weighing("a", 1, 50_000)
    await say(limited, [record("a", 0), large, record("a", 2)])
    assert await values(limited, wanted=3) == [0, 1, 2]


async def test_where_a_limit_is_lowered_under_a_producer_nothing_that_fits_is_refused(limited: KafkaDesk) -> None:
    producer = limited.log.producer()
    await producer.send([record("a", 0)])
    await limited.limit(TOPIC, 10_000)
    sent = [weighing(f"key-{number % 5}", number, 2_000) for number in range(1, 100)]
    await producer.send(sent)
    await producer.close()
    assert sorted(await values(limited, wanted=100)) == list(range(100))


async def nothing_told() -> Mapping[str, int]:
    return {}


async def test_where_nobody_may_ask_for_limits_only_what_is_too_large_is_refused(limited: KafkaDesk) -> None:
    counts = await limited.log.partitions()

    async def partitions(topic: str) -> int:
        return counts[topic]

    await limited.limit(TOPIC, 10_000)
    producer = KafkaProducer(limited.address, partitions, nothing_told)
    sent = [weighing(f"key-{number % 5}", number, 2_000) for number in range(50)]
    sent[20] = weighing("key-0", 20, 20_000)
    with pytest.raises(RecordRefused) as told:
        await producer.send(sent)
    await producer.close()
    assert min(told.value.refused) == 20
    assert {sent[index].stream for index in told.value.refused} == {sent[20].stream}
    taken = await values(limited, wanted=50 - len(told.value.refused))
    assert set(taken) == set(range(50)) - set(told.value.refused)


async def test_a_client_that_gave_up_its_guarantee_is_replaced_and_everything_is_sent(kafka: KafkaForTest) -> None:
    """With this property a refused batch is fatal to the client, as a lost sequence is."""
    desk = await prepared(kafka, enable_gapless_guarantee="true")
    producer = desk.log.producer()
    await producer.send([record("a", 0)])
    await desk.limit(TOPIC, 10_000)
    sent = [weighing("a", number, 2_000) for number in range(1, 100)]
    async with asyncio.timeout(30):
        while not await accepted(producer, sent):
            continue
    await producer.close()
    assert list(dict.fromkeys(await values(desk, wanted=100))) == list(range(100))
    await desk.log.close()


async def accepted(producer: Producer, records: Sequence[NewRecord]) -> bool:
    try:
        await producer.send(records)
    except LogUnavailable:
        return False
    return True


async def test_the_size_that_is_named_for_a_record_is_one_that_takes_it(limited: KafkaDesk) -> None:
    one = weighing("key of some length", 7, 15_000)
    await limited.limit(TOPIC, size_of(one))
    await say(limited, [one])
    assert await values(limited) == [7]
