"""Many schedules, in as many processes as there are processors; what comes of it does not depend on how many."""

import gc
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from tests.sim.coverage import Coverage
from tests.sim.ground import MemoryGround
from tests.sim.order import drawn, unequal
from tests.sim.simulation import Grounds, Schedule, Simulator, shrunk

PIECE = 50
"""Seeds that a process takes at a time."""
PAIRS = 10
"""With every tenth seed goes a pair of runs that have to end the same."""
SAY = 5.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True, slots=True)
class Campaign:
    runs: int
    first: int
    """The seed of the first run; each next run has the next one."""
    actions: int
    failures: int
    """It ends after so many runs that failed."""
    server: str = ""
    """The PostgreSQL whose store is used; else the store in memory."""
    processes: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    def replay(self, seed: int) -> str:
        store = " --store postgres" if self.server else ""
        return f"python -m tests.sim --runs 1 --seed {seed} --actions {self.actions}{store}"

    def pieces(self) -> Iterator[range]:
        end = self.first + self.runs
        yield from (range(start, min(end, start + PIECE)) for start in range(self.first, end, PIECE))


@dataclass(slots=True)
class Result:
    coverage: Coverage = field(default_factory=Coverage)
    done: int = 0
    failed: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "Result") -> None:
        self.coverage.add(other.coverage)
        self.done += other.done
        self.failed |= other.failed


def carried_out(campaign: Campaign) -> Result:
    """Says every few seconds how far it is."""
    result, pieces, began = Result(), campaign.pieces(), time.monotonic()
    said = began
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.sim.preloaded"])
    with ProcessPoolExecutor(campaign.processes, context, quietly, max_tasks_per_child=1) as pool:
        under_way: set[Future[Result]] = set()
        while True:
            enough = len(result.failed) >= campaign.failures
            while not enough and len(under_way) < 2 * campaign.processes and (seeds := next(pieces, None)) is not None:
                under_way.add(pool.submit(_piece, seeds, campaign))
            if not under_way:
                return result
            ended, under_way = wait(under_way, timeout=SAY, return_when=FIRST_COMPLETED)
            for piece in ended:
                found = piece.result()
                result.add(found)
                for seed, broken in found.failed.items():
                    print(f"  {campaign.replay(seed)}: {broken[0]}", flush=True)
            if time.monotonic() - said >= SAY:
                said = time.monotonic()
                rate = result.done / (said - began)
                print(f"  {result.done} of {campaign.runs} runs, {rate:.0f}/s, {len(result.failed)} failed", flush=True)


def quietly() -> None:
    """What happens on purpose would all be logged. A process ends after a piece, before what it leaves behind is worth
    looking for."""
    logging.disable(logging.CRITICAL)
    gc.freeze()
    gc.disable()


def _piece(seeds: range, campaign: Campaign) -> Result:
    result = Result(done=len(seeds))
    with simulating(campaign.server) as simulator:
        for seed in seeds:
            coverage = Coverage()
            broken = simulator.broken(Schedule.drawn(seed, campaign.actions), coverage)
            if seed % PAIRS == 0:
                broken += unequal(simulator, seed, coverage)
            coverage.sign((seed, broken))
            result.coverage.add(coverage)
            if broken:
                result.failed[seed] = broken
    return result


@contextmanager
def simulating(server: str) -> Iterator[Simulator]:
    """On the store in memory, or in a database of its own on this server."""
    with ExitStack() as stack:
        below: Grounds = MemoryGround
        if server:
            from tests.sim.postgres_ground import PostgresGround, simulated_database

            below = partial(PostgresGround, stack.enter_context(simulated_database(server)))
        simulator = Simulator(Coverage(), below)
        stack.callback(simulator.close)
        yield simulator


def told(campaign: Campaign, result: Result) -> None:
    """The failures, shrunk, each with what repeats it."""
    if not result.failed:
        return
    with simulating(campaign.server) as simulator:
        for seed in sorted(result.failed)[: campaign.failures]:
            failed = Schedule.drawn(seed, campaign.actions)
            alone = any(promise.startswith("N8") for promise in result.failed[seed])
            short = drawn(seed)[1] if alone else shrunk(simulator, failed)
            print(f"\nFAILED {seed}: {campaign.replay(seed)}\n{short}")
            for promise in result.failed[seed][:5]:
                print(f"  {promise}")
            sys.stdout.flush()
