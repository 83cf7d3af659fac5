"""Review a change of the repository you are in. No server and no key are needed: without a model the structural rules
look alone; with PENSTOCK_LLM_MODEL and PENSTOCK_LLM_KEY or PENSTOCK_LLM_URL a model looks as well. Nothing is written.

what is reviewed:
  penstock review                 what your branch and your working copy have that the default branch has not
  penstock review main...HEAD     what HEAD changed since it left main; main..HEAD means the same
  penstock review HEAD~3          what changed since then, with what is not committed yet
  penstock review --worktree      what is not committed yet, with new files that git does not ignore
  penstock review --staged        what the next commit would contain
  penstock review --all           every file, as if all of it were new

The configuration is .penstock.yaml as it is at the base of the range, as on a pull request.

exit codes:
  0  nothing found that is as severe as --fail-on
  1  something found that is
  2  the command line or a setting is wrong
  3  it could not be reviewed, or a part of the review is missing
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

SEVERITIES = ("critical", "high", "medium", "low")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("range", nargs="?", default="", metavar="RANGE", help="two revisions, or the one to begin at")
    for name, scope, about in (
        ("--worktree", "uncommitted", "what is not committed"),
        ("--staged", "staged", "what is staged"),
        ("--all", "all", "every file"),
    ):
        what.add_argument(name, dest="scope", action="store_const", const=scope, default="branch", help=about)
    parser.add_argument(
        "--path",
        action="append",
        default=[],
        metavar="FILTER",
        help="only this file, folder or glob, from the folder you are in; may be given several times",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "--fail-on", choices=(*SEVERITIES, "never"), default="high", help="exit with 1 at this severity; default: high"
    )
    parser.add_argument("--no-color", action="store_true", help="as NO_COLOR does")


def run(arguments: argparse.Namespace) -> int:
    # Everything behind this line takes longer to import than --help may take.
    from penstock.reviewing.command import Request, perform

    request = Request(
        folder=Path.cwd(),
        range=arguments.range,
        scope=arguments.scope,
        paths=tuple(arguments.path),
        format=arguments.format,
        fail_on=arguments.fail_on,
        colour=not arguments.no_color,
    )
    return asyncio.run(perform(request, os.environ, sys.stdout, sys.stderr))
