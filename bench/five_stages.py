"""Runs of a five-stage workflow a second and their latency at low load, against DBOS on the same PostgreSQL.

    python -m bench.five_stages [--short]

The workflow: prepare, analyse, three reviews beside each other, join, comment; the stages themselves do nothing on
either side (five_stages_work.py). Ours is the real orchestrator, relay, timers, loops and store: in one process on the
PostgreSQL log, and on Kafka with the orchestrator and each stage service as a process of its own. DBOS runs in one
process and in two; against the processes on Kafka the better of both counts.
Like is compared with like. First, both sides wait for every commit until it is on disk; ours then runs as beside a
pooler. Then both are relaxed: ours as `penstock up` runs, where commits between stages are not waited for
(docs/adr/0038), and DBOS with synchronous_commit off for all of its own. On Kafka every commit is waited for, and the
broker answers before its disk, as brokers do. Notes on what was sent and handed out, which may be lost, ours waits for
nowhere. Beside the latency stands how often a run at low load waited for the disk, as the server counts it.
Sides take turns, each started anew, with as many runs under way as suited it best in a trial before; at low load five
runs a second start at random moments. Bounds: at least the rate of DBOS, and at low load at most its latency.
"""

import statistics
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from bench.alternate import ROUNDS
from bench.figures import Figure, Side, alone, left_out, percentile
from bench.five_stages_load import Turn
from bench.five_stages_ours import SERVICES
from bench.five_stages_sides import Commits, Do, Start, dbos, ours_on_kafka, ours_on_postgres, waits
from bench.setup import Ground, ground, kafka
from penstock.local.errors import KafkaUnavailable

PER_SECOND = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    flights: tuple[int, ...]
    """Runs under way at once, to choose from."""
    trial: float
    seconds: float
    low: int
    """Runs at low load in each round."""


FULL = Plan(ROUNDS, (16, 64, 192), 1.5, 4.0, 25)
SHORT = Plan(1, (16, 64), 1.5, 3.0, 10)


@dataclass(slots=True)
class Contender:
    name: str
    start: Start
    waits: Callable[[], int]
    """How often the server waited for the disk so far."""
    flight: int = 0
    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    """At low load, of all rounds."""
    waited: list[float] = field(default_factory=list)
    """For the disk, by a run at low load."""

    def choose(self, plan: Plan) -> None:
        with self._warm() as do:
            tried = {flight: do(_turn(flight=flight, seconds=plan.trial)).rate for flight in plan.flights}
        self.flight = max(tried, key=lambda flight: tried[flight])

    def measure(self, plan: Plan) -> None:
        with self._warm() as do:
            self._measure(do, plan)

    @contextmanager
    def _warm(self) -> Iterator[Do]:
        """What has just started joins groups, opens connections, prepares statements: that is not measured."""
        with self.start() as do:
            do(_turn(flight=16, seconds=0.5))
            yield do

    def _measure(self, do: Do, plan: Plan) -> None:
        self.rates.append(do(_turn(flight=self.flight, seconds=plan.seconds)).rate)
        before = self.waits()
        low = do(_turn(count=plan.low, per_second=PER_SECOND)).latencies
        self.waited.append((self.waits() - before) / plan.low)
        self.p50s.append(statistics.median(low) * 1000)
        self.latencies += low

    @property
    def p99(self) -> float:
        return percentile(self.latencies, 0.99) * 1000

    @property
    def shown(self) -> str:
        rates = f"{statistics.median(self.rates):.0f} ({min(self.rates):.0f} to {max(self.rates):.0f})/s"
        low = f"p50 {statistics.median(self.p50s):.0f} ms, p99 {self.p99:.0f} ms"
        disk = f"{statistics.median(self.waited):.0f} waits for the disk in each"
        return f"{rates} with {self.flight} under way; at {PER_SECOND:.0f} a second {low}, {disk}"


def _turn(flight: int = 0, seconds: float = 0.0, count: int = 0, per_second: float = 0.0) -> Turn:
    return Turn(uuid.uuid4().hex[:12], flight, seconds, count, per_second)


def compared(how: str, ours: Contender, peer: Contender) -> Iterator[Figure]:
    where, which = f"five stages, {how}", f"{peer.name} {version('dbos')} {peer.shown}"
    rates = tuple(own / other for own, other in zip(ours.rates, peer.rates, strict=True))
    yield Figure(f"{where}: runs a second", rates, Side.AT_LEAST, 1.0, beside=f"{ours.name} {ours.shown}; {which}")
    p50s = tuple(own / other for own, other in zip(ours.p50s, peer.p50s, strict=True))
    beside = f"{len(ours.latencies)} runs; p99 {ours.p99:.0f} ms, DBOS {peer.p99:.0f} ms"
    yield Figure(f"{where}: p50 at low load", p50s, Side.BELOW, 1.0, beside=beside)


def faster(one: Contender, other: Contender) -> Contender:
    return max(one, other, key=lambda each: statistics.median(each.rates))


def main(short: bool) -> Sequence[Figure]:
    plan = SHORT if short else FULL
    with ground() as on, ExitStack() as stack:

        def side(name: str, start: Start) -> Contender:
            return Contender(name, start, lambda: waits(on))

        waiting, dbos_waiting = side("ours", ours_on_postgres(on, Commits.EVERY)), side("DBOS", dbos(on, 1))
        relaxed = side("ours", ours_on_postgres(on, Commits.OUTER))
        dbos_relaxed = side("DBOS", dbos(on, 1, Commits.NONE))
        in_two = side("DBOS in two processes", dbos(on, 2))
        on_kafka, figures = _on_kafka(on, stack)
        apart = [side("ours", start) for start in on_kafka]
        contenders = [waiting, dbos_waiting, relaxed, dbos_relaxed, *apart, in_two]
        for each in contenders:
            each.choose(plan)
        for _ in range(plan.rounds):
            for each in contenders:
                each.measure(plan)
        figures += compared("PostgreSQL log against DBOS, both wait for every commit", waiting, dbos_waiting)
        figures += compared("`penstock up` against DBOS with synchronous_commit off", relaxed, dbos_relaxed)
        for each in apart:
            peer = faster(dbos_waiting, in_two)
            figures += compared("Kafka against DBOS, both wait for every commit", each, peer)
        return figures


def _on_kafka(on: Ground, stack: ExitStack) -> tuple[list[Start], list[Figure]]:
    """Our side there, or what is left out without it."""
    try:
        address = stack.enter_context(kafka(on))
    except KafkaUnavailable as unavailable:
        return [], [left_out("five stages on Kafka", unavailable)]
    return [ours_on_kafka(on, address, [[service] for service in SERVICES])], []


if __name__ == "__main__":
    sys.exit(alone(main))
