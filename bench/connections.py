"""What it gains to keep connections open: requests over TLS, reusing connections, against a new one each time; one
after the other, and several beside each other as our workers make them.

    python -m bench.connections [--short]

The server is a process of its own that answers a small JSON text, one request after the other; the client is the one
that calls to others are made with, and the peer is the same client told to keep nothing open. Both are on one machine:
the two round trips that a new TLS connection costs on a network come on top. Bound: at least 2 times as many requests
one after the other. Beside each other both sides are held by the client's one core, so that figure has no bound of its
own: it must not be slower than new connections are.
"""

import asyncio
import multiprocessing
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry

from bench.alternate import ROUNDS, Comparison
from bench.figures import Figure, alone
from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.metrics import Metrics
from penstock_runtime.outgoing import OutgoingClient

RATIO = 2.0
NO_SLOWER = 1.0
BESIDE = 8
BODY = b'{"merged": false}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


@contextmanager
def server() -> Iterator[tuple[str, ssl.SSLContext]]:
    """Its address, and what to trust."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        certificate, key = Path(name) / "certificate.pem", Path(name) / "key.pem"
        subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        made = ["openssl", "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(made, check=True, capture_output=True)
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe()
        process = spawning.Process(target=_serve, args=(theirs, certificate, key), daemon=True)
        process.start()
        try:
            yield f"https://127.0.0.1:{ours.recv()}/pull", ssl.create_default_context(cafile=str(certificate))
        finally:
            process.terminate()
            process.join()


def _serve(told: Connection, certificate: Path, key: Path) -> None:
    """A process of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        told.send(listening.sockets[0].getsockname()[1])
        await listening.serve_forever()

    asyncio.run(serve())


async def requests(settings: OutgoingSettings, url: str, trusted: ssl.SSLContext, count: int, beside: int = 1) -> float:
    """How many a second, so many at a time."""
    limits = httpx.Limits(
        max_connections=settings.connections,
        max_keepalive_connections=settings.idle_connections,
        keepalive_expiry=settings.idle_seconds,
    )
    transport = httpx.AsyncHTTPTransport(verify=trusted, limits=limits)
    async with OutgoingClient(settings, Metrics(CollectorRegistry()), transport=transport) as client:

        async def some() -> None:
            for _ in range(count // beside):
                (await client.get(url)).raise_for_status()

        began = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(beside)))
        return count // beside * beside / (time.perf_counter() - began)


def compared(url: str, trusted: ssl.SSLContext, count: int, rounds: int, beside: int) -> Comparison:
    reused = OutgoingSettings()
    each_new = replace(reused, idle_connections=0)
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        kept = asyncio.run(requests(reused, url, trusted, count, beside))
        pairs.append((kept, asyncio.run(requests(each_new, url, trusted, count, beside))))
    return Comparison(*zip(*pairs[1:], strict=True))


def main(short: bool) -> Sequence[Figure]:
    count, rounds = (160, 3) if short else (800, ROUNDS)
    with server() as (url, trusted):
        single, together = (compared(url, trusted, count, rounds, beside) for beside in (1, BESIDE))
    what = "connections: requests over TLS, reused against a new one each time"
    return [
        single.figure(f"{what}, one after the other", RATIO),
        together.figure(f"{what}, {BESIDE} at a time", NO_SLOWER),
    ]


if __name__ == "__main__":
    sys.exit(alone(main))
