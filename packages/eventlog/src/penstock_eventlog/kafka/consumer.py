"""A consumer: one thread of ours fetches ahead, a batch at a time, and keeps the membership alive.

Every call to the client is made on that thread: the client lets nobody else in while it polls, and whoever asks
meanwhile, be it for a commit, waits without an end in sight. So a poll is short, and makes way for whatever is asked.
The client calls back on that thread when partitions come and go; the event loop hears of it together with the records
that were fetched in the same call, so there is one order of things.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller
from typing import Literal, TypeVar, cast

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from penstock_eventlog.errors import LogError, LogUnavailable
from penstock_eventlog.kafka.config import KafkaAddress, client_log
from penstock_eventlog.kafka.failures import CREDENTIALS, end_of, failure_of, is_fenced
from penstock_eventlog.kafka.known import KnownBrokers
from penstock_eventlog.ports import Partition, Revoked
from penstock_store.rows import Place, RawRecord

T = TypeVar("T")
FETCH = 0.2
SLICE = 0.01
LAG = 5.0
AHEAD = 500
RIVAL = 10.0
"""Who loses its name so soon after it joined has a rival; later it may have been itself that asked again for it."""
COMMIT = 10.0
_log = logging.getLogger(__name__)
# The client hands out a list with a hole and an error beside it. A call in our own code that the interpreter has made
# fast does not look for errors beside results, and the hole would end the process; called from C it always looks.
_HEADERS_OF = methodcaller("headers")


@dataclass(slots=True)
class _Fetched:
    """What one call to the client brought, in the order in which it counts."""

    revoked: set[Partition] = field(default_factory=set)
    assigned: set[Partition] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    failure: LogError | None = None
    ends: dict[Partition, int] = field(default_factory=dict)


class KafkaConsumer:
    def __init__(
        self, address: KafkaAddress, group: str, topics: Sequence[str], on_revoked: Revoked, wake: asyncio.Event
    ) -> None:
        self._address = address
        self._group = group
        self._topics = [address.on_wire(topic) for topic in topics]
        self._on_revoked = on_revoked
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._fetched = _Fetched()
        self._assigned: frozenset[Partition] = frozenset()
        self._lost: frozenset[Partition] = frozenset()
        self._paused: frozenset[Partition] = frozenset()
        self._ahead: deque[RawRecord] = deque()
        self._next: dict[Partition, int] = {}
        self._failure: LogError | None = None
        self._closed = False
        self._fetching = False
        self._ends: dict[Partition, int] = {}
        self._ends_at = 0.0
        self._asked = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-consumer")
        self._client = self._join()
        self._fetch()

    async def poll(self, limit: int, timeout: float) -> Sequence[RawRecord]:
        deadline = self._loop.time() + timeout
        while True:
            self._arrived.clear()
            records = self._take(limit)
            left = deadline - self._loop.time()
            if records or left <= 0:
                return records
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    async def commit(self, places: Sequence[Place]) -> None:
        """Raises LogUnavailable also when the group was changing: who keeps a partition through that has to ask again,
        and nobody would notice if it did not; who loses it is told by the next poll."""
        offsets = [
            TopicPartition(self._address.on_wire(place.topic), place.partition, place.position)
            for place in places
            if (place.topic, place.partition) in self._assigned
        ]
        if not offsets:
            return
        try:
            async with asyncio.timeout(COMMIT):
                await self._ask(lambda: self._client.commit(offsets=offsets, asynchronous=False))
        except TimeoutError as error:
            raise LogUnavailable(f"no answer to a commit for {COMMIT:.0f} s") from error
        except KafkaException as exception:
            if not is_fenced(exception.args[0]):
                raise end_of(exception.args[0]) from exception

    def pause(self, partitions: Sequence[Partition]) -> None:
        self._paused |= self._assigned & frozenset(partitions)
        self._ask(partial(self._change, "pause", self._paused))

    def resume(self, partitions: Sequence[Partition]) -> None:
        self._paused -= frozenset(partitions)
        self._ask(partial(self._change, "resume", self._assigned & frozenset(partitions)))
        self._fetch()

    def assigned(self) -> frozenset[Partition]:
        return self._assigned

    def lag(self) -> Mapping[Partition, int]:
        return {
            partition: max(0, end - self._next[partition])
            for partition, end in self._ends.items()
            if partition in self._assigned and partition in self._next
        }

    async def close(self) -> None:
        self._closed = True
        await self._ask(self._leave)
        self._thread.shutdown(wait=False)

    # On the event loop's thread.

    def _take(self, limit: int) -> Sequence[RawRecord]:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self._fetch()
            raise failure
        if self._lost:
            lost, self._lost = self._lost, frozenset()
            self._on_revoked(lost)
        taken: list[RawRecord] = []
        kept: deque[RawRecord] = deque()
        while self._ahead and len(taken) < limit:
            record = self._ahead.popleft()
            (kept if (record.topic, record.partition) in self._paused else taken).append(record)
        self._ahead.extendleft(reversed(kept))
        for record in taken:
            self._next[record.topic, record.partition] = record.position + 1
        self._fetch()
        return taken

    def _fetch(self) -> None:
        """Fetches on, while what was fetched is being taken. Held back with a paused partition is not in the way."""
        waiting = any((one.topic, one.partition) not in self._paused for one in self._ahead)
        if not (self._closed or self._fetching or waiting):
            self._fetching = True
            self._loop.run_in_executor(self._thread, self._fetch_batch).add_done_callback(self._receive)

    def _receive(self, future: "asyncio.Future[_Fetched]") -> None:
        self._fetching = False
        if self._closed or future.cancelled():
            return
        fetched = future.result()
        if fetched.revoked:
            revoked = frozenset(fetched.revoked)
            self._lost |= revoked
            self._assigned -= revoked
            self._paused -= revoked
            for partition in revoked:
                self._next.pop(partition, None)
                self._ends.pop(partition, None)
            self._ahead = deque(one for one in self._ahead if (one.topic, one.partition) not in revoked)
        self._assigned |= fetched.assigned
        records = [self._record(message) for message in fetched.messages]
        self._ahead.extend(one for one in records if (one.topic, one.partition) in self._assigned)
        self._failure = fetched.failure or self._failure
        self._ends.update(fetched.ends)
        if fetched.revoked or fetched.assigned or records or self._failure:
            self._arrived.set()
            self._wake.set()
        if not self._failure:
            self._fetch()

    def _record(self, message: Message) -> RawRecord:
        found = _headers(message)
        headers = tuple([(name, value or b"") for name, value in found])
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return RawRecord(self._address.inside(topic), partition, offset, message.key(), headers, message.value())

    def _wire(self, partitions: Sequence[Partition] | frozenset[Partition]) -> list[TopicPartition]:
        return [TopicPartition(self._address.on_wire(topic), number) for topic, number in partitions]

    def _ask(self, question: Callable[[], T]) -> "asyncio.Future[T]":
        """On the thread, next."""
        self._asked += 1
        answer = self._loop.run_in_executor(self._thread, question)
        answer.add_done_callback(self._answered)
        return answer

    def _answered(self, _: object) -> None:
        self._asked -= 1

    # On the fetching thread.

    def _fetch_batch(self) -> _Fetched:
        """Waits for the first record only: a batch would wait for its last."""
        self._fetched = fetched = _Fetched()
        try:
            first = self._first()
            if first is not None:
                fetched.messages = [first, *self._client.consume(AHEAD - 1, 0)]
            self._look_at_ends(fetched)
        except KafkaException as exception:
            self._hear(exception.args[0])
        errors = [error for message in fetched.messages if (error := message.error()) is not None]
        fetched.messages = [message for message in fetched.messages if message.error() is None]
        for error in errors:
            if not error.retriable() or error.code() in CREDENTIALS:
                self._hear(error)
        if self._brokers.forgotten:
            self._leave_behind()
        return fetched

    def _hear(self, error: KafkaError) -> None:
        if is_fenced(error) and time.monotonic() - self._joined_at > RIVAL:
            _log.warning("joining the group again", extra={"group": self._group, "error": error.str()})
            self._client.close()
            self._join_again()
        else:
            self._fetched.failure = end_of(error)

    def _leave_behind(self) -> None:
        """Closing a client that reaches nobody takes its session and more: whoever fetches does not wait for it."""
        old = self._client
        _log.warning("joining the group again: the client knows no broker any more", extra={"group": self._group})
        self._join_again()
        threading.Thread(target=old.close, name="kafka-consumer-left", daemon=True).start()

    def _join_again(self) -> None:
        self._fetched.revoked |= self._assigned | self._fetched.assigned
        self._fetched.assigned.clear()
        self._fetched.messages.clear()
        self._client = self._join()

    def _leave(self) -> None:
        self._client.close()

    def _join(self) -> Client:
        self._joined_at = time.monotonic()
        self._brokers = KnownBrokers()
        heard = {"error_cb": self._on_error, "stats_cb": self._brokers.hear}
        try:
            client = Client({**self._address.consumer(self._group), **heard}, logger=client_log)
            client.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
        except KafkaException as exception:
            raise failure_of(exception.args[0]) from exception
        return client

    def _first(self) -> Message | None:
        """Makes way when something is asked; that is seen here without a lock, at the next slice if not at this one."""
        for _ in range(round(FETCH / SLICE)):
            message = self._client.poll(SLICE)
            if message is not None or self._asked:
                return message
        return None

    def _look_at_ends(self, fetched: _Fetched) -> None:
        now = time.monotonic()
        if not self._assigned or now - self._ends_at < LAG:
            return
        self._ends_at = now
        try:
            for partition in self._assigned:
                _, end = self._client.get_watermark_offsets(self._wire([partition])[0], cached=True)
                if end >= 0:
                    fetched.ends[partition] = end
        except KafkaException as exception:
            _log.debug("the ends are not known", extra={"error": str(exception)})

    def _change(self, how: Literal["pause", "resume"], partitions: frozenset[Partition]) -> None:
        change = self._client.pause if how == "pause" else self._client.resume
        try:
            change(self._wire(partitions))
        except KafkaException as exception:
            # Lost a moment ago: the next poll tells.
            _log.debug("not paused or resumed", extra={"error": str(exception)})

    def _on_assign(self, client: Client, partitions: list[TopicPartition]) -> None:
        """A pause outlives a revocation inside the client: what comes is resumed, and paused again by who wants it."""
        client.incremental_assign(partitions)
        client.resume(partitions)
        self._fetched.assigned |= {(self._address.inside(one.topic), one.partition) for one in partitions}

    def _on_revoke(self, client: Client, partitions: list[TopicPartition]) -> None:
        if client is not self._client:
            return
        gone = {(self._address.inside(one.topic), one.partition) for one in partitions}
        self._fetched.revoked |= gone
        self._fetched.assigned -= gone

    def _on_error(self, error: KafkaError) -> None:
        _log.warning("Kafka consumer", extra={"error": error.str(), "code": error.name()})
        if error.code() in CREDENTIALS:
            self._fetched.failure = failure_of(error)


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    """The client's own type allows for what it takes, not for what it gives. Of names that are no UTF-8 it makes this
    error, and tells none of the headers: such a record is then one without an envelope, which is put aside."""
    try:
        return cast(list[tuple[str, bytes | None]], _HEADERS_OF(message) or [])
    except (SystemError, UnicodeDecodeError):
        _log.warning("headers cannot be read", extra={"topic": message.topic(), "position": message.offset()})
        return []
