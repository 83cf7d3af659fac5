"""The database: bring it to the tables of this version, check it, fold every stream again, forget a repository.

  penstock db upgrade                   create or upgrade the tables; safe to run from several hosts at once
  penstock db check                     can this version run on the tables, and are they its own?
  penstock db refold                    do the facts of every stream lead to its stored state? Changes nothing
  penstock db refold --stream <id>      of one pull request
  penstock db after-restore --dry-run   what is to be done after a backup was put back, or Kafka was lost
  penstock db after-restore             do it, before any service is started; may be done again
  penstock db export owner/name         pull requests, facts, jobs, attempts and effects, one JSON object a line
  penstock db forget owner/name         what would be removed with it; with --yes it is

`penstock up` upgrades by itself. Where services run apart, upgrade before the new ones are started.

The database is that of PENSTOCK_DATABASE_URL, else the embedded one that `penstock up` keeps in PENSTOCK_DATA_DIR.

After a restore name the brokers as services do (PENSTOCK_KAFKA_BOOTSTRAP, PENSTOCK_TOPIC_PREFIX); the whole procedure
is in docs/operations.md.

exit codes:
  0  done; for check: it can, also where a newer version added something; for refold: all of them do
  1  check: it cannot, they are older or too new; refold: at least one does not, and is named;
     forget: reviews are open, something accepted is not applied yet, or nobody said --yes
     export and forget: nothing is stored about it
     after-restore: services are at work
  2  the command line or a setting is wrong
  3  the database does not answer
"""

import argparse
import os
import sys

_TEN_YEARS = 315_360_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="upgrade | check | refold | after-restore | export | forget"
    )
    actions.add_parser("upgrade", help="create or upgrade the tables")
    actions.add_parser("check", help="can this version run on the tables?")
    refolding = actions.add_parser("refold", help="fold streams again and compare")
    refolding.add_argument("--stream", default="", metavar="ID", help="only this one")
    restored = actions.add_parser("after-restore", help="go on after a backup was put back, or Kafka was lost")
    restored.add_argument("--dry-run", action="store_true", help="only say what is to be done")
    restored.add_argument("--force", action="store_true", help="although leases have not expired")
    restored.add_argument(
        "--margin",
        type=_seconds,
        default=600,
        metavar="SECONDS",
        help="read again from so long before the backup (600)",
    )
    exporting = actions.add_parser("export", help="write out what is known of a repository")
    forgetting = actions.add_parser("forget", help="remove all that is stored about a repository")
    for action in (exporting, forgetting):
        action.add_argument("repository", metavar="OWNER/NAME", help="as `penstock jobs` writes it")
    forgetting.add_argument("--yes", action="store_true", help="do it")


def _seconds(text: str) -> int:
    if not (text.isdecimal() and int(text) <= _TEN_YEARS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_TEN_YEARS}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("db", _done(arguments))


async def _done(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "refold":
            return await _refolded(arguments.stream)
        case "after-restore":
            return await _restored(arguments)
        case "export":
            return await _exported(arguments.repository)
        case "forget":
            return await _forgotten(arguments.repository, confirmed=arguments.yes)
        case action:
            return await _migrated(action)


async def _migrated(action: str) -> int:
    import asyncio

    from penstock.operating.database import database_url

    with database_url(os.environ) as url:
        from penstock_store import migrations

        before = await asyncio.to_thread(migrations.revision, url)
        said = await asyncio.to_thread(migrations.upgrade if action == "upgrade" else migrations.check, url)
        after = await asyncio.to_thread(migrations.revision, url)
    print(said if before == after else f"{said}; they were {f'at {before}' if before else 'not there'}")
    return 0


async def _refolded(stream: str) -> int:
    from penstock.operating.database import fold_of, open_store, refold

    fold = fold_of(os.environ)
    async with open_store(os.environ) as store:
        return await refold(store.streams, fold, stream, sys.stdout)


async def _restored(arguments: argparse.Namespace) -> int:
    from datetime import timedelta

    from penstock.operating.database import open_store
    from penstock.operating.restoring import after_restore, elsewhere_of
    from penstock.operating.settings import Brokers
    from penstock.operating.waiting import reaching
    from penstock_runtime.settings import load

    brokers = load(Brokers, os.environ)
    elsewhere, margin = elsewhere_of(brokers), timedelta(seconds=arguments.margin)
    async with open_store(os.environ) as store:
        with reaching(brokers):
            return await after_restore(
                store, elsewhere, margin, sys.stdout, dry_run=arguments.dry_run, forced=arguments.force
            )


async def _exported(repository: str) -> int:
    from penstock.operating.database import open_store
    from penstock.operating.repositories import exported

    async with open_store(os.environ) as store:
        return await exported(store, repository, sys.stdout)


async def _forgotten(repository: str, *, confirmed: bool) -> int:
    from penstock.operating.database import open_store
    from penstock.operating.repositories import forgotten

    async with open_store(os.environ) as store:
        return await forgotten(store, repository, sys.stdout, confirmed=confirmed)
