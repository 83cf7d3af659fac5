"""The Log port on Kafka."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from penstock_contracts.flow import TOPICS, Topic
from penstock_eventlog.errors import LogMisconfigured, LogUnavailable
from penstock_eventlog.groups import groups_of
from penstock_eventlog.kafka import limits, sessions
from penstock_eventlog.kafka.config import KafkaAddress, client_log
from penstock_eventlog.kafka.consumer import KafkaConsumer
from penstock_eventlog.kafka.failures import CREDENTIALS, failure_of
from penstock_eventlog.kafka.producer import KafkaProducer
from penstock_eventlog.ports import Revoked

T = TypeVar("T")
ASK = 8.0
FRESH = 60.0
_log = logging.getLogger(__name__)


class KafkaLog:
    """Threads and connections belong to its consumers and producers; they are closed one by one."""

    def __init__(self, address: KafkaAddress, topics: Sequence[Topic] = TOPICS) -> None:
        self._address = address
        self._topics = {topic.name: topic for topic in topics}
        self._admin: AdminClient | None = None
        self._refused: KafkaError | None = None
        self._counts: Mapping[str, int] = {}
        self._counted_at = 0.0

    def consumer(
        self, group: str, topics: Sequence[str], on_revoked: Revoked, wake: asyncio.Event | None = None
    ) -> KafkaConsumer:
        return KafkaConsumer(self._address, group, topics, on_revoked, wake or asyncio.Event())

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self._address, self._partitions_of, self._limits)

    async def partitions(self) -> Mapping[str, int]:
        metadata = await self._ask(lambda admin: admin.list_topics(timeout=ASK))
        found = _counts(metadata, self._address)
        self._counts = {name: found[name] for name in self._topics if name in found}
        self._counted_at = asyncio.get_running_loop().time()
        return dict(self._counts)

    async def prepare(self) -> None:
        """Replication is the cluster's default; topics that exist are left as they are. Groups of KIP-848 get the
        session that classic ones have."""
        existing = await self.partitions()
        missing = [topic for name, topic in self._topics.items() if name not in existing]
        if missing:
            await self._ask(partial(_create, [self._new_topic(topic) for topic in missing]))
            _log.info("topics created", extra={"topics": [topic.name for topic in missing]})
        async with asyncio.timeout(ASK):
            while set(self._topics) - set(await self.partitions()):
                await asyncio.sleep(0.1)
        if self._address.newer_groups:
            await self._ask(partial(sessions.shorten, self._groups()))

    async def check(self) -> None:
        missing = sorted(set(self._topics) - set(await self.partitions()))
        if missing:
            raise LogMisconfigured(f"topics are missing: {', '.join(missing)}: run `penstock topics`")

    async def close(self) -> None:
        self._admin = None

    def _groups(self) -> Sequence[str]:
        hearers = {service for topic in self._topics.values() for service in topic.heard_by}
        return [self._address.on_wire(group) for service in sorted(hearers) for group in groups_of(service)]

    def _new_topic(self, topic: Topic) -> NewTopic:
        config = {"retention.ms": str(topic.retention_hours * 3_600_000), "cleanup.policy": "delete"}
        return NewTopic(self._address.on_wire(topic.name), num_partitions=topic.partitions, config=config)

    async def _partitions_of(self, topic: str) -> int:
        """A topic may be given more partitions while we run, so what is known ages."""
        age = asyncio.get_running_loop().time() - self._counted_at
        if topic not in self._counts or age > FRESH:
            await self.partitions()
        if topic not in self._counts:
            raise LogMisconfigured(f"there is no topic {topic}: run `penstock topics`, check PENSTOCK_TOPIC_PREFIX")
        return self._counts[topic]

    async def _limits(self) -> Mapping[str, int]:
        """Of our topics, where Kafka says so."""
        asked = [self._address.on_wire(name) for name in self._topics]
        found = await self._ask(partial(limits.limits_of, asked))
        return {self._address.inside(name): limit for name, limit in found.items()}

    async def _ask(self, question: Callable[[AdminClient], T]) -> T:
        try:
            if self._admin is None:
                config = {**self._address.admin(), "error_cb": self._on_error}
                self._admin = AdminClient(config, logger=client_log)
            return await asyncio.to_thread(question, self._admin)
        except KafkaException as exception:
            # The next question is asked by a new client: this one may have forgotten all brokers, see known.py.
            self._admin = None
            if self._refused is not None:
                error, self._refused = self._refused, None
                raise failure_of(error) from exception
            raise failure_of(exception.args[0]) from exception

    def _on_error(self, error: KafkaError) -> None:
        """A refused log-in is told here; the question itself only times out."""
        if error.code() in CREDENTIALS:
            self._refused = error


def _counts(metadata: Any, address: KafkaAddress) -> dict[str, int]:
    return {
        address.inside(name): len(topic.partitions)
        for name, topic in metadata.topics.items()
        if name.startswith(address.prefix) and topic.error is None and topic.partitions
    }


def _create(topics: Sequence[NewTopic], admin: AdminClient) -> None:
    created: Mapping[str, Future[None]] = admin.create_topics(list(topics), operation_timeout=ASK)
    for future in created.values():
        try:
            future.result(ASK)
        except TimeoutError as error:
            raise LogUnavailable("no answer to the creation of topics") from error
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
