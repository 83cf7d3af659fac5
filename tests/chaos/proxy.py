"""The network between processes: passes bytes on; on demand delays, resets, half-closes, drops. Its own process.

    proxy.py --control PORT --way broker=LISTEN:TARGET --way postgres=LISTEN:TARGET …

A line of JSON on the control port, `{"way", "mode", "seconds"}`, is answered with the number of connections it hit. A
way may be named several times, as each broker has an address of its own.

Bytes that are held while a way drops them arrive late when both ends still stand, and never when one gave up meanwhile:
how late a write may land at most is what the commenter's settle delay is about, and no network can be asked to obey it.
"""

import argparse
import asyncio
import json
import socket
import struct
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

_CHUNK = 65_536
_LONGEST_DELAY = 0.4
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Way:
    """All connections that lead to one thing, and what is done to them at the moment."""

    rng: Random = field(default_factory=Random)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    delaying: int = 0
    resetting: int = 0
    dropping: int = 0
    connections: set["Connection"] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.open.set()

    async def strike(self, mode: str, seconds: float) -> int:
        """How many connections stood when it began."""
        hit = len(self.connections)
        match mode:
            case "delay":
                self.delaying += 1
                await asyncio.sleep(seconds)
                self.delaying -= 1
            case "reset":
                self.resetting += 1
                for each in list(self.connections):
                    each.reset()
                await asyncio.sleep(seconds)
                self.resetting -= 1
            case "half-close":
                for each in list(self.connections):
                    each.half_close(to_client=self.rng.random() < 0.5)
                await asyncio.sleep(seconds)
            case "drop":
                self.dropping += 1
                self.open.clear()
                await asyncio.sleep(seconds)
                self.dropping -= 1
                if not self.dropping:
                    self.open.set()
            case _:
                raise ValueError(mode)
        return hit


@dataclass(eq=False, slots=True)
class Connection:
    way: Way
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]

    async def run(self) -> None:
        self.way.connections.add(self)
        try:
            await asyncio.gather(
                self._pump(self.client[0], self.server[1]),
                self._pump(self.server[0], self.client[1]),
            )
        except OSError:
            self.reset()
        finally:
            self.way.connections.discard(self)
            for _, writer in (self.client, self.server):
                writer.close()

    def reset(self) -> None:
        for _, writer in (self.client, self.server):
            _reset(writer)

    def half_close(self, *, to_client: bool) -> None:
        """One end hears that the other says nothing more, which it does not know."""
        _, writer = self.client if to_client else self.server
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            if self.way.delaying:
                await asyncio.sleep(self.way.rng.uniform(0.0, _LONGEST_DELAY))
            if not self.way.open.is_set():
                await self.way.open.wait()
                if reader.at_eof():  # whoever said it gave up
                    raise ConnectionAbortedError
            if writer.is_closing():
                return
            try:
                writer.write(chunk)
            except RuntimeError:  # half-closed: what is said into that direction is lost
                continue
            await writer.drain()
        if not writer.is_closing():
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """An end that the other side sees as a reset, not as a close."""
    held = writer.get_extra_info("socket")
    if held is not None and held.fileno() >= 0:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


class Proxy:
    def __init__(self) -> None:
        self.ways: dict[str, Way] = defaultdict(Way)

    async def serve(self, name: str, listen: int, target: int) -> asyncio.Server:
        way = self.ways[name]

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await way.open.wait()
            try:
                if way.resetting:
                    raise ConnectionResetError
                server = await asyncio.open_connection("127.0.0.1", target)
            except OSError:
                _reset(writer)
                return
            await Connection(way, (reader, writer), server).run()

        return await asyncio.start_server(accept, "127.0.0.1", listen)

    async def obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            told = json.loads(line)
            hit = await self.ways[told["way"]].strike(told["mode"], told["seconds"])
            writer.write(json.dumps({"connections": hit}).encode() + b"\n")
            await writer.drain()
        writer.close()


async def run(control: int, ways: list[str]) -> None:
    proxy = Proxy()
    servers = [await asyncio.start_server(proxy.obey, "127.0.0.1", control)]
    for way in ways:
        name, _, ports = way.partition("=")
        listen, _, target = ports.partition(":")
        servers.append(await proxy.serve(name, int(listen), int(target)))
    print("listening", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--way", action="append", required=True)
    given = parser.parse_args()
    asyncio.run(run(given.control, given.way))
    return 0


if __name__ == "__main__":
    sys.exit(main())
