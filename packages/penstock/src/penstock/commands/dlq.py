"""Look at what is stuck, and repair it through the jobs API: dead letters, which are events that could not be applied
and records that could not be read or handled, and streams that are blocked because Kafka refused one of their records.

  penstock dlq ls                       those that wait for somebody
  penstock dlq ls --state any           also what was settled; show says how
  penstock dlq show <id>                a letter with its headers, its event, its error, the remedy and every redrive
  penstock dlq redrive <id> ...         try again, when the cause is corrected
  penstock dlq redrive --all            all whose remedy that is, but for what ended a process: name that by its id
  penstock dlq discard <id> ... --reason TEXT
                                        put it aside for good
  penstock dlq unblock <stream> ...     publish a blocked stream again, when Kafka takes its record

An event that stalled its run is applied in place by the orchestrator, which is waited for. Any other record goes back
to its topic, where whoever hears it handles it once. A request that was answered as failed is not asked for again by
that: `penstock jobs retry <run>` or `replay <run>` does. Discarding an answer counts as its failure.

The API is looked for at PENSTOCK_CONSOLE_URL, else on this host at PENSTOCK_CONSOLE_PORT (3331). Where it asks for a
token, PENSTOCK_API_TOKEN has it. What is asked is recorded with the name of the token.

exit codes:
  0  done; with --wait 0: it was taken and is on its way to the orchestrator
  1  there is no such letter or stream, it is settled, it failed again, or it was not carried out in time
  2  the command line, a setting or the token is wrong
  3  the API does not answer
"""

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from penstock.commands.arguments import patience, text

_FILTERS = ("state", "stream", "run_id", "reason", "event_type", "topic", "limit", "after")
_WAIT = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls | show | redrive | discard | unblock")
    listing = actions.add_parser("ls", help="those that are open, oldest first, and blocked streams")
    listing.add_argument("--state", choices=("open", "resolved", "any"), help="default: open")
    _add_filters(listing)
    listing.add_argument("--limit", type=int, metavar="N", help="at most so many, up to 500; default: 100")
    listing.add_argument("--after", type=text, metavar="ID", help="go on after this one")
    showing = actions.add_parser("show", help="one of them")
    showing.add_argument("ids", nargs=1, metavar="id")
    for each in (listing, showing):
        each.add_argument("--json", action="store_true", help="what the API answers")
    redriving = actions.add_parser("redrive", help="try again")
    which = redriving.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="id")
    which.add_argument(
        "--all", action="store_true", help="all that are open, whose remedy it is and that ended no process"
    )
    _add_filters(redriving.add_argument_group("which of all"))
    redriving.add_argument("--wait", type=patience, default=_WAIT, metavar="S", help=f"each; default: {_WAIT:g}")
    discarding = actions.add_parser("discard", help="put aside")
    discarding.add_argument("ids", nargs="+", metavar="id")
    unblocking = actions.add_parser("unblock", help="publish a stream again")
    unblocking.add_argument("ids", nargs="+", metavar="stream")
    discarding.add_argument("--reason", dest="why", type=text, required=True, metavar="TEXT", help="is recorded")
    unblocking.add_argument("--reason", dest="why", type=text, metavar="TEXT", help="is recorded")
    for each in (listing, showing, redriving, discarding, unblocking):
        each.add_argument("--url", type=text, metavar="URL", help="where the API is")


def _add_filters(which: argparse._ActionsContainer) -> None:
    which.add_argument("--stream", type=text, metavar="ID", help="of one pull request")
    which.add_argument("--run", dest="run_id", type=text, metavar="ID", help="of one run")
    which.add_argument("--reason", type=text, metavar="WORD", help="such as stalled, undecodable or poison")
    which.add_argument("--event", dest="event_type", type=text, metavar="TYPE", help="such as ast.completed")
    which.add_argument("--topic", type=text, metavar="NAME")


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("dlq", _performed(arguments))


def filters_of(words: Mapping[str, object]) -> Mapping[str, str]:
    """What was typed, also a 0, which the API refuses."""
    return {name: str(words[name]) for name in _FILTERS if words.get(name) not in (None, "")}


async def _performed(arguments: argparse.Namespace) -> int:
    from penstock.operating.console import Console
    from penstock.operating.errors import NotUnderstood
    from penstock.operating.letters import Desk
    from penstock.operating.settings import ConsoleAddress
    from penstock_runtime.settings import load

    address, words = load(ConsoleAddress, os.environ), vars(arguments)
    filters = filters_of(words)
    if words.get("ids") and filters:
        raise NotUnderstood("options that choose among all go with --all: give ids alone, or --all and no id")
    given = {"reason": words["why"]} if words.get("why") else {}
    async with Console((arguments.url or address.base()).rstrip("/"), address.bearer()) as console:
        desk = Desk(console, sys.stdout)
        match arguments.action:
            case "ls":
                return await desk.listed(filters, datetime.now(UTC), as_json=arguments.json)
            case "show":
                return await desk.shown(arguments.ids[0], as_json=arguments.json)
            case "discard":
                return await desk.discarded(arguments.ids, given)
            case "unblock":
                return await desk.unblocked(arguments.ids, given)
        if arguments.all:
            return await desk.redriven_all(filters, given, arguments.wait)
        return await desk.redriven(arguments.ids, given, arguments.wait)
