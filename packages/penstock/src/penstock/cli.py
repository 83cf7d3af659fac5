"""The command line. A command's module is imported only when it is asked for, so that help stays instant."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from penstock import __version__

EPILOG = """\
first steps:
  penstock review                 review the branch you are on against the default branch
  penstock up --demo              everything in one process, with a forge to look at

Settings are read from PENSTOCK_* variables; docs/settings.md lists them all.
"""


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    summary: str

    @property
    def module(self) -> str:
        return f"penstock.commands.{self.name}"


COMMANDS = (
    Command("review", "review a local git range in the terminal: no server, no key needed"),
    Command("up", "run everything in one process on an embedded or given PostgreSQL"),
    Command("run", "run one service as its own process"),
    Command("jobs", "list runs, show one with its history; cancel, pause, resume, retry, replay"),
    Command("dlq", "look at dead letters and blocked streams, try them again"),
    Command("config", "forget what was read of configurations"),
    Command("db", "create or upgrade the database schema, check it, refold every stream"),
    Command("topics", "create the Kafka topics, or print them"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    chosen = next((command for command in COMMANDS if given and given[0] == command.name), None)
    if chosen is None:
        parser.parse_args(given)
        parser.print_help()
        return 2
    module = import_module(chosen.module)
    own = argparse.ArgumentParser(
        prog=f"penstock {chosen.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(own)
    try:
        return int(module.run(own.parse_args(given[1:])))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penstock",
        description="Self-hosted AI code review on an event stream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"penstock {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="<command>")
    for command in COMMANDS:
        commands.add_parser(command.name, help=command.summary, add_help=False)
    return parser


if __name__ == "__main__":
    sys.exit(main())
