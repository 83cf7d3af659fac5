"""Runs of a five-stage workflow a second and their latency at low load, against DBOS on the same PostgreSQL.

    python -m bench.five_stages [--short]

The workflow: prepare, analyse, three reviews beside each other, join, comment; the stages themselves do nothing on
either side (five_stages_work.py). Ours is the real orchestrator, relay, timers, loops and store: in one process on the
PostgreSQL log, and on Kafka with the orchestrator and each stage service as a process of its own. DBOS runs in one
process and in two; against the processes on Kafka the better of both counts. All commits are durable. Sides take
turns, each started anew, with as many runs under way as suited it best in a trial before; at low load five runs a
second start at random moments. Bounds: at least the rate of DBOS, and at low load at most its latency.
"""

import statistics
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from bench.alternate import ROUNDS
from bench.figures import Figure, Side, alone, left_out, percentile
from bench.five_stages_load import Turn
from bench.five_stages_ours import SERVICES
from bench.five_stages_sides import Do, Start, dbos, ours_on_kafka, ours_on_postgres
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


FULL = Plan(ROUNDS, (16, 64, 192), 2.0, 5.0, 25)
SHORT = Plan(1, (16, 64), 1.5, 3.0, 10)


@dataclass(slots=True)
class Contender:
    name: str
    start: Start
    flight: int = 0
    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    """At low load, of all rounds."""

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
        low = do(_turn(count=plan.low, per_second=PER_SECOND)).latencies
        self.p50s.append(statistics.median(low) * 1000)
        self.latencies += low

    @property
    def p99(self) -> float:
        return percentile(self.latencies, 0.99) * 1000

    @property
    def shown(self) -> str:
        rates = f"{statistics.median(self.rates):.0f} ({min(self.rates):.0f} to {max(self.rates):.0f})/s"
        low = f"p50 {statistics.median(self.p50s):.0f} ms, p99 {self.p99:.0f} ms"
        return f"{rates} with {self.flight} under way, {low} at {PER_SECOND:.0f} a second"


def _turn(flight: int = 0, seconds: float = 0.0, count: int = 0, per_second: float = 0.0) -> Turn:
    return Turn(uuid.uuid4().hex[:12], flight, seconds, count, per_second)


def compared(ours: Contender, peer: Contender) -> Iterator[Figure]:
    where, which = f"five stages, {ours.name}", f"{peer.name} {version('dbos')}: {peer.shown}"
    rates = tuple(own / other for own, other in zip(ours.rates, peer.rates, strict=True))
    yield Figure(f"{where}: runs a second against DBOS", rates, Side.AT_LEAST, 1.0, beside=f"{ours.shown}; {which}")
    p50s = tuple(own / other for own, other in zip(ours.p50s, peer.p50s, strict=True))
    beside = f"{len(ours.latencies)} runs; p99 {ours.p99:.0f} ms, DBOS {peer.p99:.0f} ms"
    yield Figure(f"{where}: p50 at low load against DBOS", p50s, Side.BELOW, 1.0, beside=beside)


def faster(one: Contender, other: Contender) -> Contender:
    return max(one, other, key=lambda each: statistics.median(each.rates))


def main(short: bool) -> Sequence[Figure]:
    plan = SHORT if short else FULL
    with ground() as on, ExitStack() as stack:
        together = Contender("PostgreSQL log, one process", ours_on_postgres(on))
        single, both = Contender("DBOS", dbos(on, 1)), Contender("DBOS in two processes", dbos(on, 2))
        on_kafka, figures = _on_kafka(on, stack)
        contenders = [together, single, *on_kafka, both]
        for each in contenders:
            each.choose(plan)
        for _ in range(plan.rounds):
            for each in contenders:
                each.measure(plan)
        figures += compared(together, single)
        for each in on_kafka:
            figures += compared(each, faster(single, both))
        return figures


def _on_kafka(on: Ground, stack: ExitStack) -> tuple[list[Contender], list[Figure]]:
    """The contender, or what is left out without it."""
    try:
        address = stack.enter_context(kafka(on))
    except KafkaUnavailable as unavailable:
        return [], [left_out("five stages on Kafka", unavailable)]
    return [Contender("Kafka, processes", ours_on_kafka(on, address, [[service] for service in SERVICES]))], []


if __name__ == "__main__":
    sys.exit(alone(main))
