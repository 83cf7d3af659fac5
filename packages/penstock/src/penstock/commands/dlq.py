"""Look at dead letters: events that could not be applied, records that could not be read or handled.

  penstock dlq ls                       those that wait for somebody
  penstock dlq show <id>                one with its headers, its event, its error and the remedy
  penstock dlq redrive <id> ...         try again, when the cause is repaired; --all: all that are open
  penstock dlq discard <id> ... --reason TEXT
                                        put it aside for good

An event that stalled its run is applied again in place, by the orchestrator's own rules. Any other record is put back
on its topic, where whoever hears it handles it once. A request that was answered as failed meanwhile is no longer
asked for: `penstock jobs retry <run>` or `replay <run>` asks anew. Discarding moves no run either.

These commands work on the database of PENSTOCK_DATABASE_URL, else on the embedded one that `penstock up` keeps in
PENSTOCK_DATA_DIR. To apply an event takes the orchestrator's rules, so give its settings where they are not the
defaults.

exit codes:
  0  done
  1  there is no such letter, or one of them could not be applied
  2  the command line or a setting is wrong
  3  the database does not answer
"""

import argparse
import os
import sys

_ALL = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls | show | redrive | discard")
    listing = actions.add_parser("ls", help="those that are open, oldest first")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many; default: 100")
    listing.add_argument("--json", action="store_true")
    showing = actions.add_parser("show", help="one of them")
    showing.add_argument("id")
    showing.add_argument("--json", action="store_true")
    redriving = actions.add_parser("redrive", help="try again")
    which = redriving.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="id")
    which.add_argument("--all", action="store_true", help="all that are open")
    discarding = actions.add_parser("discard", help="put aside")
    discarding.add_argument("ids", nargs="+", metavar="id")
    discarding.add_argument("--reason", required=True, metavar="TEXT", help="is kept with the letter")


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("dlq", _performed(arguments))


async def _performed(arguments: argparse.Namespace) -> int:
    from penstock.operating.database import fold_of, open_store
    from penstock.operating.letters import Desk
    from penstock_contracts.codec import Codec

    fold = fold_of(os.environ)
    async with open_store(os.environ) as store:
        desk = Desk(store, Codec(), sys.stdout)
        if arguments.action == "ls":
            return await desk.listed(arguments.limit, as_json=arguments.json)
        if arguments.action == "show":
            return await desk.shown(arguments.id, as_json=arguments.json)
        if arguments.action == "discard":
            return await desk.discarded(arguments.ids, arguments.reason)
        return await desk.redriven(await desk.open_ids(_ALL) if arguments.all else arguments.ids, fold)
