"""A broker that on demand answers that there are no brokers, as one does for a moment that its controller has fenced.

It stands between clients and a real broker, and gives its own address wherever that one is told.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

FIND_COORDINATOR, METADATA = 10, 3
AFTER_CORRELATION = 4
Asked = dict[int, tuple[int, int]]


class ForgetfulBroker:
    def __init__(self, bootstrap: str) -> None:
        host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
        self._real = (host, int(port))
        self._port = 0
        self._forgetting = False
        self.forgot = 0
        """How often it told of topics and of no broker; who hears of neither asks again."""

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ForgetfulBroker"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        self._forgetting = True
        try:
            yield
        finally:
            self._forgetting = False

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection(*self._real)
        asked: Asked = {}
        with suppress(asyncio.CancelledError):
            ways = [self._questions(from_client, to_broker, asked), self._answers(from_broker, to_client, asked)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        to_client.close()
        to_broker.close()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: Asked) -> None:
        while True:
            frame = await _frame(reader)
            kind, version, correlation = struct.unpack_from(">hhi", frame)
            if kind in (FIND_COORDINATOR, METADATA):
                asked[correlation] = (kind, version)
            writer.write(struct.pack(">i", len(frame)) + frame)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: Asked) -> None:
        while True:
            frame = await _frame(reader)
            (correlation,) = struct.unpack_from(">i", frame)
            kind, version = asked.pop(correlation, (-1, -1))
            if kind == FIND_COORDINATOR:
                frame = self._coordinator(frame, version)
            elif kind == METADATA:
                frame = self._metadata(frame, version)
            writer.write(struct.pack(">i", len(frame)) + frame)

    def _coordinator(self, frame: bytes, version: int) -> bytes:
        """After the times to wait: an error, its text, the node's number, its host and port."""
        assert 1 <= version <= 2, "an answer that this broker knows"
        at = AFTER_CORRELATION + 4 + 2
        at = _after_text(frame, at) + 4
        return self._with_own_port(frame, _after_text(frame, at))

    def _metadata(self, frame: bytes, version: int) -> bytes:
        """After tags and the time to wait: an array of brokers, each a number, host, port, rack and tags; then the
        cluster, the number of its controller, and an array of topics."""
        assert version >= 9, "an answer that this broker knows"
        start = AFTER_CORRELATION + 1 + 4
        count, at = _varint(frame, start)
        for _ in range(count - 1):
            at = _after_compact_text(frame, at + 4)
            frame = self._with_own_port(frame, at)
            at = _after_compact_text(frame, at + 4)
            tags, at = _varint(frame, at)
            assert tags == 0
        if not self._forgetting:
            return frame
        topics, _ = _varint(frame, _after_compact_text(frame, at) + 4)
        self.forgot += topics > 1
        return frame[:start] + b"\x01" + frame[at:]

    def _with_own_port(self, frame: bytes, at: int) -> bytes:
        return frame[:at] + struct.pack(">i", self._port) + frame[at + 4 :]


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


def _after_text(frame: bytes, at: int) -> int:
    size: int = struct.unpack_from(">h", frame, at)[0]
    return at + 2 + max(0, size)


def _after_compact_text(frame: bytes, at: int) -> int:
    size, at = _varint(frame, at)
    return at + max(0, size - 1)


def _varint(frame: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = frame[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
