"""Where groups read on, moved from outside: after a backup was put back, while nobody reads."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from penstock_eventlog.errors import LogMisconfigured, LogUnavailable
from penstock_eventlog.kafka.config import KafkaAddress, client_log
from penstock_eventlog.kafka.failures import failure_of
from penstock_store.rows import Place

T = TypeVar("T")
_SECONDS = 15.0
_NO_GROUP = frozenset({KafkaError.GROUP_ID_NOT_FOUND, KafkaError.INVALID_GROUP_ID})
_AT_WORK = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP, KafkaError.GROUP_SUBSCRIBED_TO_TOPIC})

Since = datetime | None
"""From which moment on a topic is read again; None: what lies there is passed over."""


@dataclass(frozen=True, slots=True)
class Move:
    """A group reads a partition on from another place. `before` is None where it had none."""

    group: str
    before: int | None
    place: Place


class KafkaPositions:
    """Every method asks the cluster, on a thread of its own. Raises LogUnavailable, LogMisconfigured."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address

    async def at_work(self, groups: Sequence[str]) -> Sequence[str]:
        """Those of the groups that have members."""
        return await self._ask(lambda admin: [group for group in groups if self._members(admin, group)])

    async def plan(self, wanted: Mapping[str, Mapping[str, Since]]) -> Sequence[Move]:
        """What has to be moved so that each group reads each of its topics from the moment that is wanted."""
        return await self._ask(lambda admin: list(self._moves(admin, wanted)))

    async def move(self, moves: Sequence[Move]) -> None:
        """Groups with members are refused by Kafka, which LogMisconfigured tells."""
        await self._ask(lambda admin: self._move(admin, moves))

    def _members(self, admin: AdminClient, group: str) -> bool:
        try:
            (found,) = admin.describe_consumer_groups([self._address.on_wire(group)]).values()
            return bool(_result(found).members)
        except KafkaException as exception:
            if exception.args[0].code() in _NO_GROUP:
                return False
            raise

    def _moves(self, admin: AdminClient, wanted: Mapping[str, Mapping[str, Since]]) -> Iterator[Move]:
        counts = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=_SECONDS).topics.items()}
        for group, topics in wanted.items():
            before = self._before(admin, group)
            for topic, since in topics.items():
                name = self._address.on_wire(topic)
                for partition, position in _found(admin, name, counts.get(name, 0), since).items():
                    known = before.get((name, partition))
                    if position != (known or 0):
                        yield Move(group, known, Place(topic, partition, position))

    def _before(self, admin: AdminClient, group: str) -> Mapping[tuple[str, int], int]:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self._address.on_wire(group))])
        (future,) = asked.values()
        places = _result(future).topic_partitions or []
        return {(place.topic, place.partition): place.offset for place in places if place.offset >= 0}

    def _move(self, admin: AdminClient, moves: Sequence[Move]) -> None:
        for group in sorted({move.group for move in moves}):
            offsets = [
                TopicPartition(self._address.on_wire(move.place.topic), move.place.partition, move.place.position)
                for move in moves
                if move.group == group
            ]
            asked = ConsumerGroupTopicPartitions(self._address.on_wire(group), offsets)
            (future,) = admin.alter_consumer_group_offsets([asked]).values()
            for error in (place.error for place in _result(future).topic_partitions if place.error):
                if error.code() in _AT_WORK:
                    raise LogMisconfigured(f"group {group} has members: stop the services first")
                raise failure_of(error)

    async def _ask(self, question: Callable[[AdminClient], T]) -> T:
        try:
            admin = AdminClient(self._address.admin(), logger=client_log)
            return await asyncio.to_thread(question, admin)
        except KafkaException as exception:
            raise failure_of(exception.args[0]) from exception
        except TimeoutError as error:
            raise LogUnavailable(f"no answer from Kafka for {_SECONDS:.0f} s") from error


def _found(admin: AdminClient, topic: str, partitions: int, since: Since) -> Mapping[int, int]:
    """The position from which each partition is read on: that of the first record since then, else the end."""
    places = [TopicPartition(topic, partition) for partition in range(partitions)]
    ends = _offsets(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    if since is None:
        return ends
    first = _offsets(admin, places, OffsetSpec.for_timestamp(int(since.timestamp() * 1000)))
    return {partition: first[partition] if first[partition] >= 0 else end for partition, end in ends.items()}


def _offsets(admin: AdminClient, places: Sequence[TopicPartition], which: OffsetSpec) -> dict[int, int]:
    if not places:
        return {}
    asked = admin.list_offsets(dict.fromkeys(places, which))
    return {place.partition: _result(future).offset for place, future in asked.items()}


def _result(future: "Future[Any]") -> Any:
    return future.result(_SECONDS)
