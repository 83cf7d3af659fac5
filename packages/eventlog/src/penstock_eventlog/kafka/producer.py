"""A producer: records are handed to the client at once, and one thread of ours serves its acknowledgements.

Brokers judge batches: one that is larger than its topic takes is refused with every record in it. So the client makes
none that is larger than the least that any of our topics takes, and a record that its topic does not take is refused
here, before anything that follows it is sent. What they take is asked before the first record, before a record is
refused for its size, and when a batch was refused all the same: then each of its records is sent again alone. Only
there, where a limit was lowered meanwhile or we may not ask for it, can what follows in a stream have gone before.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from penstock_eventlog.errors import LogError, LogUnavailable, RecordRefused
from penstock_eventlog.kafka.config import BATCH, KafkaAddress, client_log
from penstock_eventlog.kafka.failures import CREDENTIALS, TOO_LARGE, failure_of, refusal_of
from penstock_eventlog.kafka.known import KnownBrokers
from penstock_eventlog.ports import NewRecord
from penstock_eventlog.records import size_of

SERVE = 0.1
ROOM = 0.2
FLUSH = 5.0
RAISED = 100
"""How many failures are heard of a client that is left, at most: each hides what comes after it until the next look."""
FOLLOWS = "it follows a refused record of its stream"
Counts = Callable[[str], Awaitable[int]]
Limits = Callable[[], Awaitable[Mapping[str, int]]]
OnDelivery = Callable[[KafkaError | None, Message], None]
_log = logging.getLogger(__name__)


class _Batch:
    """What is still to be acknowledged of records that were handed over together."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.refused: dict[int, str] = {}
        self.doubtful: dict[int, str] = {}
        """Refused for the size of what they were sent with."""
        self.failure: LogError | None = None
        self._left = size

    def refuse(self, index: int, reason: str) -> None:
        self.refused[index] = reason
        self._count()

    def settle(self, index: int, error: KafkaError | None) -> None:
        reason = refusal_of(error) if error is not None else ""
        if error is not None and error.code() in TOO_LARGE:
            self.doubtful[index] = reason
        elif reason:
            self.refused[index] = reason
        elif error is not None:
            self.failure = failure_of(error)
        self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left or self.done.done():
            return
        if self.failure is not None:
            self.done.set_exception(self.failure)
        else:
            self.done.set_result(None)


class KafkaProducer:
    def __init__(self, address: KafkaAddress, partitions: Counts, limits: Limits) -> None:
        self._address = address
        self._partitions = partitions
        self._ask_limits = limits
        self._limits: Mapping[str, int] = {}
        self._known = False
        """Whether the limits are what Kafka says, as far as we have heard."""
        self._largest = BATCH
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._acknowledged: deque[tuple[_Batch, int, KafkaError | None]] = deque()
        self._trouble: LogError | None = None
        self._closing = threading.Event()
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._serve, name="kafka-producer", daemon=True)
        self._thread.start()

    async def send(self, records: Sequence[NewRecord]) -> None:
        if not records:
            return
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        if not self._known or any(map(self._too_large, records)):
            await self._learn()
        batch = await self._together(records)
        refused = batch.refused
        if batch.doubtful:
            await self._learn()
            await self._one_by_one(records, sorted(batch.doubtful), refused)
        if refused:
            raise RecordRefused(dict(sorted(refused.items())))

    async def _together(self, records: Sequence[NewRecord]) -> _Batch:
        """All is acknowledged but what is refused or doubtful."""
        partitions = [-1 if one.spread is None else one.spread % await self._partitions(one.topic) for one in records]
        batch = _Batch(len(records), self._loop)
        streams: set[str] = set()
        for index, (record, partition) in enumerate(zip(records, partitions, strict=True)):
            reason = FOLLOWS if record.stream in streams else self._too_large(record)
            if not reason:
                error = await self._handed_over(record, partition, partial(self._hear, batch, index))
                if error is None:
                    continue
                batch.settle(index, error)
            else:
                batch.refuse(index, reason)
            streams.add(record.stream)
        await batch.done
        return batch

    async def _one_by_one(self, records: Sequence[NewRecord], indices: Sequence[int], refused: dict[int, str]) -> None:
        """Each is told its own verdict, which is added to `refused`."""
        for index in indices:
            record = records[index]
            if any(before < index and records[before].stream == record.stream for before in refused):
                refused[index] = FOLLOWS
                continue
            alone = await self._together([record])
            for reason in (*alone.refused.values(), *alone.doubtful.values()):
                refused[index] = reason

    async def _learn(self) -> None:
        self._limits = await self._ask_limits()
        self._known = True
        largest = min([BATCH, *self._limits.values()])
        if largest != self._largest:
            _log.info("what our topics take at once", extra={"bytes": largest})
            self._largest = largest
            self._replace_client(self._client)

    def _too_large(self, record: NewRecord) -> str:
        """Why; empty when it is not. What is larger than BATCH the client itself refuses."""
        if self._largest == BATCH:
            return ""
        size, limit = size_of(record), self._limits.get(record.topic, BATCH)
        if size <= limit:
            return ""
        topic = self._address.on_wire(record.topic)
        return f"MSG_SIZE_TOO_LARGE: {size} bytes, and max.message.bytes of {topic} is {limit}"

    async def close(self) -> None:
        """What was accepted and is not acknowledged has a moment to be; whoever sent it has not heard otherwise."""
        try:
            await asyncio.to_thread(self._client.flush, FLUSH)
        except KafkaException as exception:
            _log.warning("the Kafka producer ended in trouble", extra={"error": exception.args[0].str()})
        self._closing.set()
        await asyncio.to_thread(self._thread.join)
        self._settle()

    async def _handed_over(self, record: NewRecord, partition: int, on_delivery: OnDelivery) -> KafkaError | None:
        """An error is of this record alone."""
        while True:
            try:
                self._client.produce(
                    self._address.on_wire(record.topic),
                    value=record.value,
                    key=record.key,
                    partition=partition,
                    headers=list(record.headers),
                    on_delivery=on_delivery,
                )
            except BufferError:
                await self._wait_for_room()
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if error.fatal() or error.code() == KafkaError._FATAL:
                    self._give_up(self._client, error.str())
                    raise LogUnavailable(error.str()) from exception
                return error
            else:
                return None

    async def _wait_for_room(self) -> None:
        """The client's queue is full: acknowledgements make room."""
        self._room.clear()
        try:
            async with asyncio.timeout(ROOM):
                await self._room.wait()
        except TimeoutError:
            return

    def _new_client(self) -> Client:
        self._brokers = KnownBrokers()
        heard = {"error_cb": self._on_error, "stats_cb": self._brokers.hear}
        try:
            return Client({**self._address.producer(self._largest), **heard}, logger=client_log)
        except KafkaException as exception:
            raise failure_of(exception.args[0]) from exception

    def _give_up(self, old: Client, reason: str) -> None:
        """The client does nothing more, as one that cannot keep its guarantee; a new one begins a new sequence."""
        if self._client is old:
            _log.error("the Kafka producer is replaced", extra={"error": reason})
            self._replace_client(old)
        self._settle()

    def _replace_client(self, old: Client) -> None:
        """What the old one has in hand may or may not arrive, and fails."""
        self._client = self._new_client()
        old.purge()
        for _ in range(RAISED):
            if _heard(old):
                break
        self._settle()

    def _settle(self) -> None:
        """What was heard since, all at once: waking the event loop costs more than a record does."""
        while self._acknowledged:
            batch, index, error = self._acknowledged.popleft()
            if error is not None and error.code() in TOO_LARGE:
                self._known = False
            batch.settle(index, error)
        self._room.set()

    def _hear(self, batch: _Batch, index: int, error: KafkaError | None, _: Message) -> None:
        """On whichever thread serves the client."""
        self._acknowledged.append((batch, index, error))

    def _serve(self) -> None:
        while not self._closing.is_set():
            client = self._client
            try:
                served = client.poll(SERVE)
            except KafkaException as exception:
                # The client raises what is fatal here and tells `error_cb` nothing.
                self._loop.call_soon_threadsafe(self._give_up, client, exception.args[0].str())
                continue
            if self._brokers.forgotten:
                self._loop.call_soon_threadsafe(self._give_up, client, "it knows no broker any more")
            if served:
                self._loop.call_soon_threadsafe(self._settle)

    def _on_error(self, error: KafkaError) -> None:
        """On the serving thread."""
        _log.warning("Kafka producer", extra={"error": error.str(), "code": error.name()})
        if error.code() in CREDENTIALS:
            self._loop.call_soon_threadsafe(self._note, failure_of(error))

    def _note(self, trouble: LogError) -> None:
        self._trouble = trouble


def _heard(old: Client) -> bool:
    """What there is to be heard, up to a fatal error, which the client raises in between."""
    try:
        old.poll(0)
    except KafkaException:
        return False
    return True
