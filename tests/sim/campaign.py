"""Many schedules, in as many processes as there are processors; what comes of it does not depend on how many."""

import gc
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.sim.coverage import Coverage
from tests.sim.simulation import Schedule, Simulator, shrunk

PIECE = 100
"""Seeds that a process takes at a time."""
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
    processes: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    def replay(self, seed: int) -> str:
        return f"python -m tests.sim --runs 1 --seed {seed} --actions {self.actions}"

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
    with ProcessPoolExecutor(campaign.processes, get_context("spawn"), quietly) as pool:
        under_way: set[Future[Result]] = set()
        while True:
            enough = len(result.failed) >= campaign.failures
            while not enough and len(under_way) < 2 * campaign.processes and (seeds := next(pieces, None)) is not None:
                under_way.add(pool.submit(_piece, seeds, campaign.actions))
            if not under_way:
                return result
            ended, under_way = wait(under_way, timeout=SAY, return_when=FIRST_COMPLETED)
            for piece in ended:
                result.add(piece.result())
            if time.monotonic() - said >= SAY:
                said = time.monotonic()
                rate = result.done / (said - began)
                print(f"  {result.done} of {campaign.runs} runs, {rate:.0f}/s, {len(result.failed)} failed", flush=True)


def quietly() -> None:
    """What happens on purpose would all be logged. Nothing that is made lives long enough to be worth looking for."""
    logging.disable(logging.CRITICAL)
    gc.freeze()
    gc.set_threshold(200_000, 5, 100)


def _piece(seeds: range, actions: int) -> Result:
    result = Result(done=len(seeds))
    simulator = Simulator(Coverage())
    try:
        for seed in seeds:
            coverage = Coverage()
            broken = simulator.broken(Schedule.drawn(seed, actions), coverage)
            coverage.sign((seed, broken))
            result.coverage.add(coverage)
            if broken:
                result.failed[seed] = broken
    finally:
        simulator.close()
    return result


def told(campaign: Campaign, result: Result) -> None:
    """The failures, shrunk, each with what repeats it."""
    if not result.failed:
        return
    simulator = Simulator(Coverage())
    try:
        for seed in sorted(result.failed)[: campaign.failures]:
            short = shrunk(simulator, Schedule.drawn(seed, campaign.actions))
            print(f"\nFAILED {seed}: {campaign.replay(seed)}\n{short}")
            for promise in simulator.broken(short, Coverage())[:5]:
                print(f"  {promise}")
            sys.stdout.flush()
    finally:
        simulator.close()
