"""What a commit that was refused means; the client is told what to answer, the rest of it is asked of a real Kafka."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.kafka import consumer
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_store.rows import Place
from tests.support.waiting import eventually

PLACE = Place("pr.received", 0, 1)


class Client:
    """Assigned one partition at the first poll; refuses commits with what is told."""

    refusals: Iterator[int]

    def __init__(self, *_: Any, **__: Any) -> None:
        self._on_assign: Callable[..., None] | None = None

    def subscribe(self, topics: list[str], on_assign: Callable[..., None], **_: Any) -> None:
        self._on_assign = on_assign

    def poll(self, _: float) -> None:
        if self._on_assign:
            self._on_assign(self, [TopicPartition(PLACE.topic, PLACE.partition)])
            self._on_assign = None

    def commit(self, **_: Any) -> None:
        code = next(self.refusals, None)
        if code is not None:
            raise KafkaException(KafkaError(code))

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return -1, -1

    def incremental_assign(self, _: object) -> None: ...
    def resume(self, _: object) -> None: ...
    def close(self) -> None: ...


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Callable[..., consumer.KafkaConsumer]:
    def join(*refusals: int) -> consumer.KafkaConsumer:
        told = type("ToldClient", (Client,), {"refusals": iter(refusals)})
        monkeypatch.setattr(consumer, "Client", told)
        address = KafkaAddress("127.0.0.1:1")
        return consumer.KafkaConsumer(address, "group", [PLACE.topic], lambda _: None, asyncio.Event())

    return join


@pytest.mark.parametrize(
    "code", [KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.STALE_MEMBER_EPOCH]
)
async def test_a_commit_refused_because_the_group_was_changing_is_to_be_made_again(
    member: Callable[..., consumer.KafkaConsumer], code: int
) -> None:
    one = member(code)
    await eventually(one.assigned, what="the partition to be assigned")
    with pytest.raises(LogUnavailable):
        await one.commit([PLACE])
    await one.commit([PLACE])
    await one.close()


async def test_a_commit_under_a_name_that_another_took_is_left(member: Callable[..., consumer.KafkaConsumer]) -> None:
    one = member(KafkaError.FENCED_INSTANCE_ID)
    await eventually(one.assigned, what="the partition to be assigned")
    await one.commit([PLACE])
    await one.close()
