"""What a remedy tells to do, done as it is told: its commands are taken out of its words and typed."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from tests.trouble.page import quoted
from tests.trouble.stage import Stage, ended


async def penstock(place: Stage, *words: str) -> tuple[int, str]:
    """Exit code and output of a command as an operator types it, who has the address of the API and no database."""
    environment = {"PENSTOCK_DATABASE_URL": "", "PENSTOCK_CONSOLE_URL": place.console_url}
    typed = place.start("penstock.cli", *words, **environment)
    return await ended(typed, within=40.0), typed.output()


async def carry_out(place: Stage, remedy: str, among: str = "penstock") -> str:
    """Every command of it that begins like this, in its order; what they said."""
    commands = re.findall(rf"`({among} [^`]+)`", remedy)
    assert commands, remedy
    said = []
    for command in commands:
        code, output = await penstock(place, *shlex.split(command)[1:])
        assert code == 0, (command, output)
        said.append(output)
    return "".join(said)


async def stall_of(place: Stage, run: Mapping[str, Any]) -> Mapping[str, Any]:
    """What keeps a run from going on: the same in the API, in its summary and on the terminal, and on the page."""
    (stall,) = (await place.get(f"jobs/{run['id']}"))["stalls"]
    assert stall in (await place.get("metrics"))["stalls"]
    code, shown = await penstock(place, "jobs", run["id"])
    assert code == 0
    for word in ("event_type", "event_id", "stage", "error", "remedy"):
        assert stall[word]
        assert stall[word] in shown, (word, shown)
    assert explained(stall["remedy"], stall)
    return dict(stall)


def explained(remedy: str, about: Mapping[str, Any]) -> str:
    """The remedy, if the page has it for any letter, run and stream."""
    general = remedy
    for name, value in (("ID", about.get("letter_id", about.get("id"))), ("RUN", about["run_id"]),
                        ("STREAM", about["stream"])):  # fmt: skip
        general = general.replace(value, name) if value else general
    return quoted(re.sub(r"records of \d+ bytes", "records of N bytes", general))
