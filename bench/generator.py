"""The load generator, a process of its own: reads a job from its input, sends webhooks, writes what it saw.

    python -m bench.generator < job.json > seen.json

In a closed loop every connection sends its next webhook when the last one is answered: throughput. In an open loop
webhooks are sent when they are due, whatever became of those before, at random moments as independent people would;
their latency counts from the moment they were due, so that a server that stalls is charged for the whole queue.
"""

import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from bench.bodies import SignedBody, bodies

HOST = "127.0.0.1"
HOOKS = "/webhooks/github"
DIFFERENT_BODIES = 200
NEVER = 3600.0
"""The latency of a webhook that was refused, in seconds: far above every bound."""
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)")
_FRESH = 2.0
_PATIENCE = 30.0
_LEAD = 0.05
"""Seconds between the decision to begin and the first webhook that is due."""


@dataclass(frozen=True, slots=True)
class Phase:
    """So many webhooks: at this rate a second, or in a closed loop on this many connections."""

    count: int
    per_second: float = 0.0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """Delivery ids begin with the label, which must be new to the server."""

    port: int
    label: str
    phases: tuple[Phase, ...]
    path: str = HOOKS


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one phase: how often each status, the latency of each, and how late we ourselves sent."""

    seconds: float
    statuses: dict[int, int]
    latencies: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    connections: int = 0

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != 202)

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds


class Connection(asyncio.Protocol):
    """Keeps alive and asks one thing after the other. Just enough HTTP for answers that tell their length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[int] | None = None
        self._used = 0.0

    @classmethod
    async def open(cls, port: int) -> "Connection":
        _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[: end + 2]).lower()
        told = _LENGTH.search(head)
        length = int(told[1]) if told else 0
        if len(self._received) >= end + 4 + length and self._answer is not None:
            self._received.clear()
            self._answer.set_result(int(head[9:12]))

    @property
    def usable(self) -> bool:
        """Whether the server surely still keeps it: uvicorn closes one that was idle for five seconds."""
        return time.perf_counter() - self._used < _FRESH

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before it answered"))

    async def ask(self, *parts: bytes) -> int:
        """The status it was answered with. Raises TimeoutError when it is not answered."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines(parts)
        async with asyncio.timeout(_PATIENCE):
            status = await self._answer
        self._used = time.perf_counter()
        return status

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Sender:
    """Webhooks with ids of their own, on connections that are opened when all others are busy."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._bodies: Sequence[SignedBody] = bodies(DIFFERENT_BODIES)
        self._sent = 0
        self._idle: list[Connection] = []
        self.opened = 0

    async def send(self) -> int:
        self._sent += 1
        chosen = self._bodies[self._sent % len(self._bodies)]
        connection = await self._connection()
        status = await connection.ask(head_of(chosen, f"{self._job.label}-{self._sent}", self._job.path), chosen.body)
        self._idle.append(connection)
        return status

    async def _connection(self) -> Connection:
        """The one used last, so that those of a burst grow old and are left."""
        if self._idle and self._idle[-1].usable:
            return self._idle.pop()
        self.close()
        self._idle.clear()
        self.opened += 1
        return await Connection.open(self._job.port)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


def head_of(chosen: SignedBody, delivery: str, path: str = HOOKS) -> bytes:
    """The head of the request that brings this body."""
    return (
        f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: GitHub-Hookshot/bench\r\n"
        f"content-type: application/json\r\ncontent-length: {len(chosen.body)}\r\naccept: */*\r\n"
        f"x-github-event: pull_request\r\nx-github-delivery: {delivery}\r\n"
        f"x-hub-signature-256: {chosen.signature}\r\n\r\n"
    ).encode()


async def closed(sender: Sender, phase: Phase) -> Seen:
    statuses: Counter[int] = Counter()
    left = iter(range(phase.count))

    async def worker() -> None:
        for _ in left:
            statuses[await sender.send()] += 1

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(phase.connections)))
    return Seen(time.perf_counter() - began, dict(statuses), connections=sender.opened)


async def opened(sender: Sender, phase: Phase, clock: Callable[[], float] = time.perf_counter) -> Seen:
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    lateness: list[float] = []

    async def one(due: float) -> None:
        lateness.append(clock() - due)
        status = await sender.send()
        statuses[status] += 1
        latencies.append(clock() - due if status == 202 else NEVER)

    began = clock() + _LEAD
    async with asyncio.TaskGroup() as sending:
        for due in arrivals(began, phase):
            if (early := due - clock()) > 0:
                await asyncio.sleep(early)
            sending.create_task(one(due))
    return Seen(clock() - began, dict(statuses), latencies, lateness, sender.opened)


def arrivals(began: float, phase: Phase) -> Iterator[float]:
    """The same moments in every run: a Poisson process with a fixed seed."""
    chance, due = random.Random(phase.count), began
    for _ in range(phase.count):
        due += chance.expovariate(phase.per_second)
        yield due


async def carry_out(job: Job) -> list[Seen]:
    sender = Sender(job)
    seen = [await (closed if phase.connections else opened)(sender, phase) for phase in job.phases]
    sender.close()
    return seen


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.json.encode(asyncio.run(carry_out(msgspec.json.decode(sys.stdin.buffer.read(), type=Job))))
    )
