"""`python -m tests.chaos`: kills processes under load, and counts what is missing, doubled or wrong."""

import argparse
import secrets
import sys
from functools import partial

from penstock.local.errors import LocalError
from tests.chaos import campaign
from tests.chaos.plan import Plan

_KILLING = 0.7
"""The share of the time in which processes are killed; what remains is for the work to end."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--pull-requests", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=8.0, help="from the first pull request until all is over")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--twice", action="store_true", help="deliver every record twice")
    parser.add_argument("--once", action="store_true", help="do not: without either, first one and then the other")
    given = parser.parse_args()
    modes = [given.twice] if given.twice or given.once else [False, True]
    limit = given.minutes * 60
    plans = [
        Plan(given.pull_requests, given.kills, given.seed, limit * _KILLING, limit, twice=twice) for twice in modes
    ]
    try:
        return 0 if all([_held(plan) for plan in plans]) else 1
    except LocalError as error:
        print(f"NO CAMPAIGN: {error}", file=sys.stderr)
        return 1


def _held(plan: Plan) -> bool:
    say = partial(print, flush=True)
    say(f"begins: {plan}")
    report = campaign.run(plan, say)
    say("\n" + report.text() + "\n")
    return report.held


if __name__ == "__main__":
    sys.exit(main())
