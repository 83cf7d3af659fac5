"""`python -m tests.sim`: many seeded runs of a whole installation in memory, under every blow there is."""

import argparse
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.local.postgres import Durability
from tests.sim.campaign import Campaign, carried_out, quietly, told
from tests.sim.planted import measured
from tests.sim.simulation import LONGEST
from tests.support.postgres import embedded

RUNS = 100_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=None, help="of the first run; each next run has the next seed")
    parser.add_argument("--actions", type=int, default=LONGEST, help="how many things happen in a run at most")
    parser.add_argument("--failures", type=int, default=3, help="end after so many runs that failed")
    parser.add_argument("--store", choices=("memory", "postgres"), default="memory")
    parser.add_argument("--planted", action="store_true", help="plant faults, and say in how many runs each is found")
    given = parser.parse_args()
    quietly()
    first = secrets.randbelow(1_000_000_000) if given.seed is None else given.seed
    if given.planted:
        return 0 if measured(given.runs, first) else 1
    with _server(given.store) as server:
        return _campaign(Campaign(given.runs, first, given.actions, given.failures, server))


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
