"""Run everything in one process: webhooks, workers, API, on an embedded PostgreSQL or on the one in
PENSTOCK_DATABASE_URL. No Kafka is needed; the same code and the same guarantees as with it, on one machine.

A second `penstock up` on the same database stands by and takes over when the first one ends.

With --demo it also runs the bundled forge with an example pull request, reviews it at once, prints the review, and goes
on serving until Ctrl-C. Whatever PENSTOCK_DATA_DIR and PENSTOCK_DATABASE_URL say, all its data lies in a temporary
folder that is removed at the end; the last lines name it, for `penstock db` beside it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from penstock.alone.errors import DatabaseMoved
from penstock.local.errors import LocalError
from penstock.local.postgres import attach_or_start
from penstock.operating.ending import MISUSED, code_of
from penstock.operating.settings import GivenDatabase
from penstock_runtime.errors import SettingsError
from penstock_runtime.service import run_services
from penstock_runtime.settings import load
from penstock_sources.access import SourceSettings
from penstock_store.errors import StoreError
from penstock_store.migrations import upgrade


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--demo", action="store_true", help="with the bundled forge and an example pull request")


def run(arguments: argparse.Namespace) -> int:
    with ExitStack() as stack:
        environ = dict(os.environ)
        if arguments.demo:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="penstock-demo-", ignore_cleanup_errors=True)
            )
            environ["PENSTOCK_DATA_DIR"] = folder
            environ.pop("PENSTOCK_DATABASE_URL", None)
            environ.pop("PENSTOCK_DATABASE_URL_FILE", None)
        try:
            given = load(GivenDatabase, environ).url
            environ["PENSTOCK_DATABASE_URL"] = database_of(environ, stack, disposable=arguments.demo)
            revive = reviving(environ, stack) if given is None else _leave_alone
            environ.pop("PENSTOCK_DATABASE_URL_FILE", None)
        except (LocalError, StoreError, SettingsError) as error:
            print(f"penstock up: {error}", file=sys.stderr)
            return MISUSED if code_of(error) == MISUSED else 1
        if arguments.demo:
            from penstock.demo.running import run_demo

            return asyncio.run(run_demo(Path(environ["PENSTOCK_DATA_DIR"]), environ))
        from penstock.alone.bootstrap import builds

        run_services("up", builds(revive), environ)


def reviving(environ: Mapping[str, str], stack: ExitStack) -> Callable[[], None]:
    """What is done when the embedded database is away: it went with its owner, another `penstock up` or a command that
    had started it, and whoever sees it first owns it from then on."""
    folder, known = embedded_folder(environ), environ["PENSTOCK_DATABASE_URL"]

    def revive() -> None:
        server = attach_or_start(folder)
        stack.callback(server.stop)
        if server.url() != known:
            raise DatabaseMoved

    return revive


def _leave_alone() -> None:
    """Nothing: a database that was given is somebody else's to start."""


def embedded_folder(environ: Mapping[str, str]) -> Path:
    return load(SourceSettings, environ).data_dir.expanduser() / "postgres"


def database_of(environ: Mapping[str, str], stack: ExitStack, *, disposable: bool = False) -> str:
    """The one that is given, or one in an embedded server, with today's tables. A disposable one goes with its data."""
    given = load(GivenDatabase, environ).url
    if given is not None:
        url = given.reveal()
    else:
        server = attach_or_start(embedded_folder(environ))
        stack.callback(server.remove if disposable else server.stop)
        url = server.url()
    upgrade(url)
    return url
