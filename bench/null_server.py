"""Answers every request at once with 202, to see how fast the load generator could be.

python -m bench.null_server PORT
"""

import asyncio
import re
import sys

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")
_ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"


class Accepting(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        told = _LENGTH.search(self._received, 0, end + 2)
        if len(self._received) >= end + 4 + (int(told[1]) if told else 0):
            self._received.clear()
            self._transport.write(_ANSWER)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Accepting, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
