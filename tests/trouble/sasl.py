"""A broker that speaks just enough of Kafka's protocol to refuse every log-in."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
UNSUPPORTED_VERSION, REFUSED = 35, 58
_HEADER = struct.Struct(">hhi")
_SPOKEN = ((3, 0, 4), (HANDSHAKE, 1, 1), (AUTHENTICATE, 0, 0), (API_VERSIONS, 0, 0))


@asynccontextmanager
async def refusing_broker() -> AsyncIterator[str]:
    """Its address, to log in at with SASL_PLAINTEXT and PLAIN."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield f"{host}:{port}"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            (length,) = struct.unpack(">i", await reader.readexactly(4))
            api, version, correlation = _HEADER.unpack_from(await reader.readexactly(length))
            answer = struct.pack(">i", correlation) + _answer(api, version)
            writer.write(struct.pack(">i", len(answer)) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _answer(api: int, version: int) -> bytes:
    if api == HANDSHAKE:
        return struct.pack(">hi", 0, 1) + _text("PLAIN")
    if api == AUTHENTICATE:
        return struct.pack(">h", REFUSED) + _text("Authentication failed: Invalid username or password") + b"\0\0\0\0"
    error = UNSUPPORTED_VERSION if version else 0
    return struct.pack(">hi", error, len(_SPOKEN)) + b"".join(struct.pack(">hhh", *spoken) for spoken in _SPOKEN)


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()
