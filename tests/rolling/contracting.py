"""The tables of the next version (expand), and what the version before needs taken away from them (contract)."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace

import psycopg

from penstock_store.postgres.effects import _BY_ID as ASKED_BY_THE_OLDER
from penstock_store.version import HEAD
from tests.chaos.load import Load, PullRequest
from tests.chaos.verdict import Verdict, none_of
from tests.rolling import judging
from tests.rolling.ground import CONTRACTED, NEWER, OLDER, Ground, Say
from tests.rolling.newer import CONTRACT, EXPAND, OLD
from tests.rolling.people import opened, pushed, settled

REFUSED = (
    f"database schema is {CONTRACT}, this program needs {HEAD}: it is newer and needs a program of {EXPAND} at least, "
    "start a newer version of this program"
)
_ONE_OF_EACH_KIND = ("ingest", "ast")
"""One that listens, and one that is a member of a group."""


async def upgraded(ground: Ground, version: str, say: Say) -> None:
    """To the tables of this version. Both can run on those of the next one."""
    ended = await _penstock(ground, version, "db", "upgrade")
    assert ended.returncode == 0, ended.stderr
    say(f"db upgrade of {version}: {ended.stdout.strip()}")
    able = (OLDER, NEWER) if version == NEWER else (NEWER,)
    for checked in await asyncio.gather(*(_penstock(ground, each, "db", "check") for each in able)):
        assert checked.returncode == 0, checked.stderr


async def contracted(ground: Ground, load: Load, followed: PullRequest, limit: float, say: Say) -> Sequence[Verdict]:
    """One release later, with the next version at work on a pull request: a column goes that the version before uses.
    That one is refused from then on, and the next one goes on, with old pull requests as with new ones."""
    assert await asyncio.to_thread(_older_can_ask, ground)
    fresh = await opened(ground, "Opened before the contract", {"fresh.py": "VALUE = 0\n"})
    load.opened.append(fresh)
    await upgraded(ground, CONTRACTED, say)
    assert not await asyncio.to_thread(_older_can_ask, ground), f"{OLD} is still there"
    await pushed(ground, followed, {"followed.py": "VALUE = -1\n"})
    refused = await _refused(ground)
    await settled(ground, limit)
    refolded = await _penstock(ground, NEWER, "db", "refold")
    once = await judging.reviews_of(ground, followed.heads[-1], fresh.heads[-1])
    found = [
        refused,
        Verdict("N4 refold is the stored state", refolded.returncode == 0, refolded.stdout.strip()),
        none_of("N2 a new head is reviewed once", (f"{head} {n} times" for head, n in once.items() if n != 1), "2"),
        *await judging.after_a_contract(ground, load),
    ]
    return [replace(verdict, invariant=f"{verdict.invariant}, after the contract") for verdict in found]


def _older_can_ask(ground: Ground) -> bool:
    """This program is the older one."""
    with psycopg.connect(ground.cluster.database_url) as connection:
        try:
            connection.execute(ASKED_BY_THE_OLDER, ["nothing"])
        except psycopg.errors.UndefinedColumn:
            return False
    return True


async def _refused(ground: Ground) -> Verdict:
    """How the older version ends on these tables."""
    commands = [("db", "check"), ("db", "upgrade"), *(("run", service) for service in _ONE_OF_EACH_KIND)]
    ends = await asyncio.gather(*(_penstock(ground, OLDER, *words) for words in commands))
    wrong = [
        f"{' '.join(words)} ended with {ended.returncode}: {said}"
        for words, ended in zip(commands, ends, strict=True)
        if (said := _last_words(ended)) != REFUSED or ended.returncode != 1
    ]
    return none_of("the version before is refused, and told in one line what to do", wrong, f"{len(commands)} commands")


def _last_words(ended: "subprocess.CompletedProcess[str]") -> str:
    """A service's only grave line, which has no stack trace; all that a command says, which is one line."""
    lines = (ended.stdout + ended.stderr).splitlines()
    if not lines[0].startswith("{"):
        return "\n".join(lines).removeprefix("penstock db: ")
    grave = [told for line in lines if (told := json.loads(line))["level"] == "critical"]
    return "\n".join(f"{told['message']}{told.get('exception', '')}" for told in grave)


async def _penstock(ground: Ground, version: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(ground.penstock, *words, version=version)
