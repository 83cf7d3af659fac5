"""The proxy does to connections what a network does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from penstock.local.ports import free_port
from tests.chaos.proxy import Proxy, Way
from tests.support.waiting import eventually

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """A client, and the server it reaches through the proxy, which says everything back."""

    def __init__(self, way: Way, port: int, heard: list[bytes]) -> None:
        self.way, self.port, self.heard = way, port, heard

    async def connect(self) -> Ends:
        return await asyncio.open_connection("127.0.0.1", self.port)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    heard: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):
            while said := await reader.read(100):
                heard.append(said)
                writer.write(said)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy, port = Proxy(), free_port()
    front = await proxy.serve("way", port, server.sockets[0].getsockname()[1])
    try:
        yield Line(proxy.ways["way"], port, heard)
    finally:
        for connection in list(proxy.ways["way"].connections):
            connection.reset()
        await eventually(lambda: not proxy.ways["way"].connections)
        front.close()
        server.close()


async def said(ends: Ends, text: bytes) -> bytes:
    ends[1].write(text)
    return await ends[0].read(100)


async def test_what_is_said_passes_in_both_directions(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"hello") == b"hello"
    ends[1].close()


async def test_a_reset_is_one_to_whoever_is_connected(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"hello") == b"hello"
    assert await line.way.strike("reset", 0.0) == 1
    with pytest.raises(ConnectionResetError):
        await ends[0].read(100)
    ends[1].close()
    again = await line.connect()
    assert await said(again, b"again") == b"again"
    again[1].close()


async def test_what_is_dropped_arrives_when_the_network_is_back(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"hello") == b"hello"
    dropping = asyncio.create_task(line.way.strike("drop", 0.2))
    await eventually(lambda: not line.way.open.is_set())
    ends[1].write(b"late")
    assert not dropping.done()
    assert await ends[0].read(100) == b"late"
    assert dropping.done() or line.way.open.is_set()
    ends[1].close()


async def test_who_gives_up_while_the_network_drops_is_not_heard_afterwards(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"hello") == b"hello"
    dropping = asyncio.create_task(line.way.strike("drop", 0.2))
    await eventually(lambda: not line.way.open.is_set())
    ends[1].write(b"never")
    ends[1].close()
    await dropping
    await eventually(lambda: not line.way.connections)
    assert line.heard == [b"hello"]


async def test_a_half_closed_connection_says_its_end_to_one_side(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"hello") == b"hello"
    for connection in list(line.way.connections):
        connection.half_close(to_client=True)
    assert await ends[0].read(100) == b""
    ends[1].write(b"still heard")
    await eventually(lambda: line.heard[-1] == b"still heard")
    ends[1].close()
