"""`python -m tests.sim`: many seeded runs of a whole installation in memory, under every blow there is."""

import argparse
import logging
import secrets
import sys
import time

from tests.sim.coverage import Coverage
from tests.sim.simulation import LONGEST, Schedule, Simulator, shrunk

RUNS = 2_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=None, help="of the first run; each next run has the next seed")
    parser.add_argument("--actions", type=int, default=LONGEST, help="how many things happen in a run at most")
    parser.add_argument("--failures", type=int, default=3, help="end after so many runs that failed")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    first = secrets.randbelow(1_000_000_000) if given.seed is None else given.seed
    print(f"{given.runs} runs from seed {first}", flush=True)
    coverage = Coverage()
    simulator = Simulator(coverage)
    began, failed = time.monotonic(), 0
    try:
        for done in range(given.runs):
            failed += _failed(simulator, Schedule.drawn(first + done, given.actions))
            if failed >= given.failures:
                break
    finally:
        simulator.close()
    seconds = time.monotonic() - began
    print(f"\n{coverage.text()}\n")
    print(f"{done + 1} runs in {seconds:.0f} s ({(done + 1) / seconds:.0f}/s) from seed {first}: {failed} failed")
    return 1 if failed else 0


def _failed(simulator: Simulator, schedule: Schedule) -> bool:
    broken = simulator.broken(schedule)
    if not broken:
        return False
    short = shrunk(simulator, schedule)
    print(f"\nFAILED {schedule.seed}\n{short}\n  {simulator.broken(short, Coverage())[:5]}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
