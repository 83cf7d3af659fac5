"""Look at runs, and ask something of one, through the jobs API.

  penstock jobs                         the newest runs; `penstock jobs ls` is the same
  penstock jobs <id>                    one run with its stages and every attempt
  penstock jobs cancel <id>             end it; `pause` and `resume` hold it and let it go on
  penstock jobs retry <id>              try a part again that was given up, of a run that is still open
  penstock jobs replay <id>             review the pull request again, in a new run

examples:
  penstock jobs --status WAITING_FOR_EVENT --since 2h
  penstock jobs --repository acme/shop --json
  penstock jobs retry <id> --stage files_review --part 3
  penstock jobs cancel <id> --reason "the branch is abandoned"

The API is looked for at PENSTOCK_CONSOLE_URL, else on this host at PENSTOCK_CONSOLE_PORT (3331). Where it asks for a
token, PENSTOCK_API_TOKEN has it. What is asked of a run is recorded with the name of the token.

exit codes:
  0  done; for an action: it was taken and is on its way to the orchestrator
  1  there is no such job, or it is not in a state for what is asked
  2  the command line, a setting or the token is wrong
  3  the API does not answer
"""

import argparse
import os
import sys
from datetime import UTC, datetime

from penstock.commands.arguments import text
from penstock_contracts.enums import JobStatus, Stage, WorkflowType


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="[ACTION] ID", help="nothing lists; see the examples")
    which = parser.add_argument_group("which are listed")
    which.add_argument("--status", type=str.upper, choices=[each.value for each in JobStatus])
    which.add_argument(
        "--type",
        type=str.upper,
        choices=[each.value for each in WorkflowType],
        help="default: CODE_REVIEW, which are whole runs; the others are their heavy stages",
    )
    which.add_argument("--repository", type=text, metavar="OWNER/NAME")
    which.add_argument("--organisation", type=text, metavar="NAME")
    which.add_argument("--waiting-for", type=text, metavar="EVENT", help="such as ast.completed")
    which.add_argument("--stream", type=text, metavar="ID", help="one pull request")
    which.add_argument("--correlation-id", type=text, metavar="ID", help="the platform's id of the delivery")
    which.add_argument("--since", type=text, metavar="MOMENT", help="opened since then: 2h, 7d or 2030-01-31")
    which.add_argument("--until", type=text, metavar="MOMENT", help="opened before then")
    which.add_argument("--limit", type=int, metavar="N", help="at most so many, up to 200; default: 20")
    which.add_argument("--after", type=text, metavar="ID", help="go on after this one")
    asked = parser.add_argument_group("what is asked")
    asked.add_argument("--reason", type=text, metavar="TEXT", help="is recorded with an action")
    asked.add_argument(
        "--stage", choices=[each.value for each in Stage], help="which stage retry means; also filters the list"
    )
    asked.add_argument("--part", type=text, metavar="PART", help="which part retry means, as the number of a batch")
    parser.add_argument("--json", action="store_true", help="what the API answers")
    parser.add_argument("--url", type=text, metavar="URL", help="where the API is")


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("jobs", _performed(arguments))


async def _performed(arguments: argparse.Namespace) -> int:
    from penstock.operating.console import Console
    from penstock.operating.jobs import ASKED, LISTED, Question, moment, perform, refuse_unread
    from penstock.operating.settings import ConsoleAddress
    from penstock_runtime.settings import load

    now = datetime.now(UTC)
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    refuse_unread(arguments.words, given)
    filters = {"type": WorkflowType.CODE_REVIEW.value, "limit": "20"}
    filters |= {name: str(given[name]) for name in LISTED if name in given}
    for name in ("since", "until"):
        if name in given:
            filters[name] = moment(given[name], now).isoformat()
    wanted = {name: str(given[name]) for name in ASKED if name in given}
    address = load(ConsoleAddress, os.environ)
    question = Question(arguments.words, filters, wanted, arguments.json)
    async with Console((arguments.url or address.base()).rstrip("/"), address.bearer()) as console:
        return await perform(question, console, now, sys.stdout)
