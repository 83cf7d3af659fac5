"""`python -m tests.sim`: many seeded runs of a whole installation in memory, under every blow there is."""

import argparse
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from penstock.local.postgres import Durability
from tests.sim.campaign import Campaign, carried_out, quietly, told
from tests.sim.planted import measured
from tests.sim.simulation import FEWEST, LONGEST
from tests.support.arguments import at_least
from tests.support.postgres import embedded

RUNS, RUNS_PLANTED = 100_000, 100


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--runs", type=at_least(1), help=f"{RUNS:,}, or {RUNS_PLANTED} for each planted fault")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; each next run has the next seed")
    parser.add_argument("--actions", type=at_least(FEWEST), default=LONGEST, help="how many things happen at most")
    parser.add_argument("--failures", type=at_least(1), default=3, help="end after so many runs that failed")
    parser.add_argument("--store", choices=("memory", "postgres"), default="memory")
    parser.add_argument("--planted", action="store_true", help="plant faults, and say in how many runs each is found")
    given = parser.parse_args(arguments)
    quietly()
    first = secrets.randbelow(1_000_000_000) if given.seed is None else given.seed
    if given.planted:
        return 0 if measured(given.runs or RUNS_PLANTED, first) else 1
    with _server(given.store) as server:
        return _campaign(Campaign(given.runs or RUNS, first, given.actions, given.failures, server))


@contextmanager
def _server(store: str) -> Iterator[str]:
    """The address of a PostgreSQL that promises nothing, where one is wanted."""
    if store == "memory":
        yield ""
        return
    with embedded(Durability.DISPOSABLE) as server:
        yield server.url()


def _campaign(campaign: Campaign) -> int:
    first = campaign.first
    print(f"{campaign.runs} runs from seed {first}, in {campaign.processes} processes", flush=True)
    began = time.monotonic()
    result = carried_out(campaign)
    seconds = time.monotonic() - began
    told(campaign, result)
    print(f"\n{result.coverage.text()}\n")
    print(
        f"{result.done} runs in {seconds:.0f} s ({result.done / seconds:.0f}/s) from seed {first}: "
        f"{len(result.failed)} failed; digest {result.coverage.digest:016x}"
    )
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
