"""`python -m tests.chaos`: breaks what can break, under load, and counts what is missing, doubled or wrong."""

import argparse
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from penstock.local.errors import LocalError
from tests.chaos import campaign
from tests.chaos.plan import SHARES, Kind, Plan
from tests.support.arguments import at_least, positive

_STRIKING, _STRIKING_LONG = 0.7, 0.85
"""The share of the time in which faults are made; what remains is for the work to end."""
_LONG = {"pull_requests": 1100, "faults": 1100, "minutes": 42.0, "once": True}


def main() -> int:
    try:
        return 0 if all([_held(plan) for plan in plans(sys.argv[1:])]) else 1
    except LocalError as error:
        print(f"NO CAMPAIGN: {error}", file=sys.stderr)
        return 1


def plans(arguments: Sequence[str]) -> list[Plan]:
    """One for each campaign that is asked for."""
    given = _parser().parse_args(arguments)
    if given.long:
        given = _parser().parse_args(arguments, argparse.Namespace(**_LONG))
    limit = given.minutes * 60
    plan = Plan(
        given.pull_requests,
        given.faults,
        given.seed,
        striking=limit * (_STRIKING_LONG if given.long else _STRIKING),
        limit=limit,
        brokers=given.brokers,
        kinds=frozenset(given.kinds),
    )
    modes = [given.twice] if given.twice or given.once else [False, True]
    return [replace(plan, twice=twice) for twice in modes]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--pull-requests", type=at_least(1), default=200)
    parser.add_argument("--faults", type=at_least(1), default=150)
    parser.add_argument("--minutes", type=positive, default=8.0, help="from the first pull request until all is over")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    kinds = [kind.name.lower().replace("_", "-") for kind in Kind]
    parser.add_argument("--kinds", type=_kinds, default=tuple(SHARES), help=f"some of {','.join(kinds)}")
    parser.add_argument("--twice", action="store_true", help="deliver every record twice")
    parser.add_argument("--once", action="store_true", help="do not: without either, first one and then the other")
    parser.add_argument("--long", action="store_true", help="1,100 pull requests and 1,100 faults within 42 minutes")
    return parser


def _kinds(text: str) -> tuple[Kind, ...]:
    try:
        return tuple(Kind[name.strip().upper().replace("-", "_")] for name in text.split(","))
    except KeyError as unknown:
        raise argparse.ArgumentTypeError(f"there is no kind {unknown}") from unknown


def _held(plan: Plan) -> bool:
    say = partial(print, flush=True)
    say(f"begins: {plan}")
    report = campaign.run(plan, say)
    say("\n" + report.text() + "\n")
    return report.held


if __name__ == "__main__":
    sys.exit(main())
