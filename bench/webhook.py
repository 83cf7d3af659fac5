"""How fast webhooks are taken, against a bare FastAPI endpoint with HMAC and one committed row; and how long one waits.

    python -m bench.webhook [--short]

Both endpoints are processes of their own on one durable PostgreSQL, with the same options of uvicorn and the same size
of pool; webhooks of 8 to 20 KB with ids of their own come from a third process, which is measured against a server that
does nothing. Bounds: throughput ratio >= 0.7; p99 < 200 ms at 100 webhooks a second for 60 s, then at 400 a second; its
spread is that of the fifths of the run.
"""

import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil
import psycopg

from bench import bare_endpoint
from bench.alternate import alternate
from bench.figures import Figure, Side, alone, percentile, percentile_of_parts
from bench.generator import HOOKS, Phase, Seen
from bench.setup import Addresses, Ground, accepted, await_answer, end, generate, ground
from penstock.local.ports import free_port
from penstock.local.process import ServerProcess

RATIO = 0.7
GENERATOR_RATIO = 2.0
P99_MS = 200.0
CONNECTIONS = 16
TURNS = 9
"""More and shorter ones than elsewhere: three processes share the machine with whatever else runs there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    process: ServerProcess
    port: int

    def cpu(self) -> float:
        """Seconds it has worked so far: what others do on this machine hardly changes them."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


@contextmanager
def ingest(on: Ground) -> Iterator[Endpoint]:
    addresses = Addresses.free()
    environment = addresses.environment(on)
    with _serving(on.start("ingest", "-m", "penstock_ingest", environment=environment), addresses.webhooks) as endpoint:
        yield endpoint


@contextmanager
def bare(on: Ground) -> Iterator[Endpoint]:
    with psycopg.connect(on.database_url, autocommit=True) as connection:
        connection.execute(bare_endpoint.TABLE)
    port = free_port()
    with _serving(on.start("bare", "-m", "bench.bare_endpoint", on.database_url, str(port)), port) as endpoint:
        yield endpoint


@contextmanager
def idle(on: Ground) -> Iterator[Endpoint]:
    port = free_port()
    with _serving(on.start("null", "-m", "bench.null_server", str(port)), port) as endpoint:
        yield endpoint


@contextmanager
def _serving(process: ServerProcess, port: int) -> Iterator[Endpoint]:
    try:
        await_answer(port, HOOKS)
        yield Endpoint(process, port)
    finally:
        end(process)


class Measuring:
    """Throughput of one endpoint, turn by turn, and the processor time of each webhook beside it."""

    def __init__(self, endpoint: Endpoint, label: str, count: int) -> None:
        self._endpoint = endpoint
        self._label = label
        self._phase = Phase(count, connections=CONNECTIONS)
        self.cpu_ms: list[float] = []

    def rate(self) -> float:
        before = self._endpoint.cpu()
        seen = accepted(generate(self._endpoint.port, f"{self._label}-{len(self.cpu_ms)}", [self._phase]))
        self.cpu_ms.append((self._endpoint.cpu() - before) * 1000 / self._phase.count)
        return seen.rate


def throughput(on: Ground, ours: Endpoint, peer: Endpoint, count: int) -> list[Figure]:
    own, other = Measuring(ours, "ingest", count), Measuring(peer, "bare", count)
    compared = alternate(own.rate, other.rate, TURNS)
    with idle(on) as nothing:
        fastest = Measuring(nothing, "null", count)
        limits = [fastest.rate() for _ in range(3)]
    cpu = [statistics.median(one.cpu_ms[1:]) for one in (own, other)]
    figure = compared.figure("webhook: throughput against a bare FastAPI endpoint", RATIO)
    beside = f"{figure.beside}; processor time of a webhook {cpu[0]:.2f} ms, peer {cpu[1]:.2f} ms"
    return [
        Figure(figure.name, figure.values, figure.side, figure.bound, beside=beside),
        Figure(
            "webhook: the load generator on a server that does nothing, against the peer",
            tuple(limit / max(compared.peer) for limit in limits),
            Side.AT_LEAST,
            GENERATOR_RATIO,
            beside=f"{statistics.median(limits):,.0f}/s",
        ),
    ]


def latency(ours: Endpoint, peer: Endpoint, phases: Sequence[Phase]) -> list[Figure]:
    """The peer's are shown beside ours: what both have in common is the machine."""
    seen = [generate(one.port, f"open-{label}", phases) for label, one in (("ingest", ours), ("bare", peer))]
    return [latency_figure(*row) for row in zip(phases, *seen, strict=True)]


def latency_figure(phase: Phase, seen: Seen, peer: Seen) -> Figure:
    seen, peer = accepted([seen]), accepted([peer])
    milliseconds = [latency * 1000 for latency in seen.latencies]
    late, other = (percentile(values, 0.99) * 1000 for values in (seen.lateness, peer.latencies))
    beside = (
        f"{phase.count} webhooks, none refused; median {statistics.median(milliseconds):.1f} ms, longest "
        f"{max(milliseconds):.0f} ms; p99 of the peer {other:.0f} ms; p99 of the generator's own delay {late:.0f} ms"
    )
    name = f"webhook: p99 at {phase.per_second:.0f} a second, open loop"
    parts = percentile_of_parts(milliseconds, 0.99)
    return Figure(name, (percentile(milliseconds, 0.99),), Side.BELOW, P99_MS, " ms", beside, parts)


def main(short: bool) -> Sequence[Figure]:
    seconds = (10, 5) if short else (60, 15)
    phases = [Phase(int(rate * lasting), rate) for rate, lasting in zip((100.0, 400.0), seconds, strict=True)]
    with ground() as on, ExitStack() as stack:
        ours, peer = stack.enter_context(ingest(on)), stack.enter_context(bare(on))
        compared = throughput(on, ours, peer, 500 if short else 1_500)
        return [*compared, *latency(ours, peer, phases)]


if __name__ == "__main__":
    sys.exit(alone(main))
