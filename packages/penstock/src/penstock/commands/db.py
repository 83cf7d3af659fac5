"""The database: bring it to the tables of this version, check it, fold every stream again.

  penstock db upgrade                   create or upgrade the tables; safe to run from several hosts at once
  penstock db check                     can this version run on the tables, and are they its own?
  penstock db refold                    do the facts of every stream lead to its stored state? Changes nothing
  penstock db refold --stream <id>      of one pull request

`penstock up` upgrades by itself. Where services run apart, upgrade before the new ones are started.

The database is that of PENSTOCK_DATABASE_URL, else the embedded one that `penstock up` keeps in PENSTOCK_DATA_DIR.

exit codes:
  0  done; for check: it can, also where a newer version added something; for refold: all of them do
  1  check: it cannot, they are older or too new; refold: at least one does not, and is named
  2  the command line or a setting is wrong
  3  the database does not answer
"""

import argparse
import os
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="upgrade | check | refold")
    actions.add_parser("upgrade", help="create or upgrade the tables")
    actions.add_parser("check", help="can this version run on the tables?")
    refolding = actions.add_parser("refold", help="fold streams again and compare")
    refolding.add_argument("--stream", default="", metavar="ID", help="only this one")


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("db", _refolded(arguments.stream) if arguments.action == "refold" else _migrated(arguments.action))


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
