"""How soon ingest takes a webhook and what it weighs then, against the same endpoint in a process of every service.

    python -m bench.ingest_start [--short]

Both are started in turns on one PostgreSQL. Time runs from exec to the first answer of the endpoint; memory is what is
resident after fifty webhooks. Bounds: up in < 1.5 s with < 80 MB; the peer takes >= 3 times the time and >= 2 times
the memory.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from bench.alternate import ROUNDS
from bench.every_service import RUNNING
from bench.figures import Figure, Side, alone
from bench.generator import HOOKS, Phase
from bench.setup import Addresses, Ground, accepted, await_answer, end, generate, ground

SECONDS = 1.5
MEGABYTES = 80.0
FASTER = 3.0
SMALLER = 2.0
WEBHOOKS = 50
INGEST = ("-m", "penstock_ingest")


@dataclass(frozen=True, slots=True)
class Start:
    alive: float
    """Seconds to the first answer of /livez."""
    taking: float
    """Seconds to the first answer of the endpoint."""
    processor: float
    """Seconds of processor time until then: what else runs on the machine hardly changes them."""
    megabytes: float


def start(on: Ground, label: str, program: Sequence[str]) -> Start:
    addresses = Addresses.free()
    began = time.perf_counter()
    process = on.start(label, *program, environment=addresses.environment(on))
    try:
        await_answer(addresses.operations)
        alive = time.perf_counter() - began
        await_answer(addresses.webhooks, HOOKS)
        taking = time.perf_counter() - began
        times = psutil.Process(process.pid).cpu_times()
        accepted(generate(addresses.webhooks, label, [Phase(WEBHOOKS, connections=4)]))
        megabytes = psutil.Process(process.pid).memory_info().rss / 2**20
        return Start(alive, taking, times.user + times.system, megabytes)
    finally:
        end(process)


def main(short: bool) -> Sequence[Figure]:
    with ground() as on:
        start(on, "warm", INGEST)
        start(on, "warm-together", RUNNING)
        rounds = range(3 if short else ROUNDS)
        pairs = [(start(on, f"own-{turn}", INGEST), start(on, f"all-{turn}", RUNNING)) for turn in rounds]
    return figures([own for own, _ in pairs], [every for _, every in pairs])


def figures(own: Sequence[Start], every: Sequence[Start]) -> list[Figure]:
    taking, sizes = tuple(one.taking for one in own), tuple(one.megabytes for one in own)
    faster = tuple(other.taking / one.taking for one, other in zip(own, every, strict=True))
    smaller = tuple(other.megabytes / one.megabytes for one, other in zip(own, every, strict=True))
    alive = statistics.median(one.alive for one in own)
    name = "against a process of every service"
    cpu = [statistics.median(one.processor for one in side) for side in (own, every)]
    busy = f"/livez {alive:.2f} s; {cpu[0]:.2f} s of processor time"
    peer_seconds = statistics.median(one.taking for one in every)
    peer_size = statistics.median(one.megabytes for one in every)
    return [
        Figure("ingest: from exec to the first webhook", taking, Side.BELOW, SECONDS, " s", busy),
        Figure("ingest: resident memory", sizes, Side.BELOW, MEGABYTES, " MB"),
        Figure(
            f"ingest: start {name}",
            faster,
            Side.AT_LEAST,
            FASTER,
            beside=f"peer {peer_seconds:.2f} s, {cpu[1]:.2f} s of processor time",
        ),
        Figure(f"ingest: memory {name}", smaller, Side.AT_LEAST, SMALLER, beside=f"peer {peer_size:.0f} MB"),
    ]


if __name__ == "__main__":
    sys.exit(alone(main))
