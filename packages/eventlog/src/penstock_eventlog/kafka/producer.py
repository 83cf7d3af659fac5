"""A producer: records are handed to the client at once, and one thread of ours serves its acknowledgements."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from penstock_eventlog.errors import LogError, LogUnavailable, RecordRefused
from penstock_eventlog.kafka.config import KafkaAddress, client_log
from penstock_eventlog.kafka.failures import CREDENTIALS, failure_of, refusal_of
from penstock_eventlog.ports import NewRecord

SERVE = 0.1
ROOM = 0.2
FLUSH = 5.0
Counts = Callable[[str], Awaitable[int]]
OnDelivery = Callable[[KafkaError | None, Message], None]
_log = logging.getLogger(__name__)


class _Batch:
    """What is still to be acknowledged of one `send`."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.refused: dict[int, str] = {}
        self.failure: LogError | None = None
        self._left = size

    def settle(self, index: int, error: KafkaError | None) -> None:
        if error is not None:
            reason = refusal_of(error)
            if reason:
                self.refused[index] = reason
            else:
                self.failure = failure_of(error)
        self._left -= 1
        if self._left == 0:
            self._finish()

    def _finish(self) -> None:
        if self.done.done():
            return
        if self.failure is not None:
            self.done.set_exception(self.failure)
        elif self.refused:
            self.done.set_exception(RecordRefused(dict(sorted(self.refused.items()))))
        else:
            self.done.set_result(None)


class KafkaProducer:
    def __init__(self, address: KafkaAddress, partitions: Counts) -> None:
        self._address = address
        self._partitions = partitions
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
        partitions = [-1 if one.spread is None else one.spread % await self._partitions(one.topic) for one in records]
        batch = _Batch(len(records), self._loop)
        refused: set[str] = set()
        for index, (record, partition) in enumerate(zip(records, partitions, strict=True)):
            if record.stream in refused:
                batch.refused[index] = "it follows a refused record of its stream"
                batch.settle(index, None)
                continue
            error = await self._accepted(record, partition, partial(self._hear, batch, index))
            if error is not None:
                batch.settle(index, error)
                refused.add(record.stream)
        await batch.done

    async def close(self) -> None:
        """What was accepted and is not acknowledged has a moment to be; whoever sent it has not heard otherwise."""
        await asyncio.to_thread(self._client.flush, FLUSH)
        self._closing.set()
        await asyncio.to_thread(self._thread.join)
        self._settle()

    async def _accepted(self, record: NewRecord, partition: int, on_delivery: OnDelivery) -> KafkaError | None:
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
                    self._replace_client(error)
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
        try:
            return Client({**self._address.producer(), "error_cb": self._on_error}, logger=client_log)
        except KafkaException as exception:
            raise failure_of(exception.args[0]) from exception

    def _replace_client(self, error: KafkaError) -> None:
        """The idempotent client has given up its guarantee and does nothing more; a new one begins a new sequence."""
        _log.error("the Kafka producer is replaced", extra={"error": error.str()})
        old, self._client = self._client, self._new_client()
        old.purge()
        old.poll(0)
        self._settle()

    def _settle(self) -> None:
        """What was heard since, all at once: waking the event loop costs more than a record does."""
        while self._acknowledged:
            batch, index, error = self._acknowledged.popleft()
            batch.settle(index, error)
        self._room.set()

    def _hear(self, batch: _Batch, index: int, error: KafkaError | None, _: Message) -> None:
        """On whichever thread serves the client."""
        self._acknowledged.append((batch, index, error))

    def _serve(self) -> None:
        while not self._closing.is_set():
            if self._client.poll(SERVE):
                self._loop.call_soon_threadsafe(self._settle)

    def _on_error(self, error: KafkaError) -> None:
        """On the serving thread."""
        _log.warning("Kafka producer", extra={"error": error.str(), "code": error.name()})
        if error.code() in CREDENTIALS:
            self._loop.call_soon_threadsafe(self._note, failure_of(error))
        elif error.fatal():
            self._loop.call_soon_threadsafe(self._replace_client, error)

    def _note(self, trouble: LogError) -> None:
        self._trouble = trouble
