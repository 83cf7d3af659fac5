"""Look after configurations, through the jobs API.

  penstock config forget --repository <owner/name>    read .penstock.yaml of this repository again with the next review
  penstock config forget --organisation <owner>       the same for all repositories of an organisation

What was read is kept for PENSTOCK_CONFIG_TTL (5 minutes) by all processes together; forgetting holds for all of them at
once. Answers of models are kept apart from it and are not forgotten.

The API is looked for at PENSTOCK_CONSOLE_URL, else on this host at PENSTOCK_CONSOLE_PORT (3331). Where it asks for a
token, PENSTOCK_API_TOKEN has it. What is forgotten is logged with the name of the token.

exit codes:
  0  done, also where nothing was kept
  2  the command line, a setting or the token is wrong
  3  the API does not answer
"""

import argparse
import os
import sys

from penstock.commands.arguments import text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["forget"], help="what to do")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--repository", type=text, metavar="OWNER/NAME")
    which.add_argument("--organisation", type=text, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="what the API answers")
    parser.add_argument("--url", type=text, metavar="URL", help="where the API is")


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("config", _performed(arguments))


async def _performed(arguments: argparse.Namespace) -> int:
    from penstock.operating.configurations import forget
    from penstock.operating.console import Console
    from penstock.operating.settings import ConsoleAddress
    from penstock_runtime.settings import load

    address = load(ConsoleAddress, os.environ)
    chosen = (
        {"organisation": arguments.organisation} if arguments.organisation else {"repository": arguments.repository}
    )
    async with Console((arguments.url or address.base()).rstrip("/"), address.bearer()) as console:
        return await forget(chosen, console, sys.stdout, as_json=arguments.json)
