"""Positions of groups are moved on a real Kafka, and only while nobody reads."""

from datetime import UTC, datetime, timedelta

import pytest

from penstock_contracts.flow import TOPIC_BY_NAME
from penstock_eventlog.errors import LogMisconfigured
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_eventlog.kafka.log import KafkaLog
from penstock_eventlog.kafka.positions import KafkaPositions
from penstock_eventlog.ports import NewRecord
from penstock_store.rows import Place
from tests.support.kafka import KafkaForTest
from tests.support.waiting import eventually

TOPIC, OTHER = "pr.received", "ast.completed"
GROUP = "penstock-orchestrator"


def record(number: int, topic: str) -> NewRecord:
    return NewRecord(topic, "one key", (("ce_id", b"%d" % number),), b"value", "stream")


async def later(moment: datetime) -> datetime:
    """A moment that the log's milliseconds tell from this one."""

    def reached() -> datetime | None:
        now = datetime.now(UTC)
        return now if now > moment + timedelta(milliseconds=5) else None

    found = await eventually(reached)
    assert found is not None
    return found


async def test_a_group_goes_back_to_a_moment_and_passes_over_the_rest(kafka: KafkaForTest) -> None:
    address = KafkaAddress(kafka.bootstrap, kafka.prefix)
    log = KafkaLog(address, [TOPIC_BY_NAME[TOPIC], TOPIC_BY_NAME[OTHER]])
    positions = KafkaPositions(address)
    await log.prepare()
    assert await positions.at_work([GROUP]) == []
    producer = log.producer()
    await producer.send([record(number, topic) for number in range(3) for topic in (TOPIC, OTHER)])
    moment = await later(datetime.now(UTC))
    await later(moment)
    await producer.send([record(number, topic) for number in range(3, 5) for topic in (TOPIC, OTHER)])
    await producer.close()

    consumer = log.consumer(GROUP, [TOPIC, OTHER], lambda _: None)
    read: list[Place] = []

    async def all_read() -> bool:
        read.extend(Place(one.topic, one.partition, one.position) for one in await consumer.poll(100, 0.2))
        return len(read) == 10

    await eventually(all_read, within=30, what="ten records")
    await consumer.commit([Place(place.topic, place.partition, 5) for place in read])
    assert await positions.at_work([GROUP, "penstock-nobody"]) == [GROUP]
    (partition,) = {place.partition for place in read if place.topic == TOPIC}

    back = await positions.plan({GROUP: {TOPIC: moment, OTHER: None}})

    assert [(move.before, move.place) for move in back] == [(5, Place(TOPIC, partition, 3))]
    with pytest.raises(LogMisconfigured, match="has members: stop the services first"):
        await positions.move(back)
    await consumer.close()
    await positions.move(back)
    assert await positions.plan({GROUP: {TOPIC: moment, OTHER: None}}) == []
    again = log.consumer(GROUP, [TOPIC, OTHER], lambda _: None)
    (first, second) = await eventually(lambda: again.poll(100, 0.2), within=30, what="two records again")
    assert (first.position, second.position) == (3, 4)
    await again.close()


async def test_a_group_without_positions_passes_over_what_lies_there(kafka: KafkaForTest) -> None:
    address = KafkaAddress(kafka.bootstrap, kafka.prefix)
    log = KafkaLog(address, [TOPIC_BY_NAME[TOPIC]])
    positions = KafkaPositions(address)
    assert await positions.plan({GROUP: {TOPIC: datetime.now(UTC) - timedelta(hours=1)}}) == []
    await log.prepare()
    producer = log.producer()
    await producer.send([record(number, TOPIC) for number in range(4)])
    await producer.close()

    (move,) = await positions.plan({GROUP: {TOPIC: None}})

    assert (move.before, move.place.position) == (None, 4)
    await positions.move([move])
    assert await positions.plan({GROUP: {TOPIC: None}}) == []
