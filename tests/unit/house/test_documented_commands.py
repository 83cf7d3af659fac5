"""Every command that a document shows is one that there is; those that cost nothing are carried out."""

import re
import shlex
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from penstock.cli import COMMANDS
from penstock_runtime.names import known_names
from tests.unit.house.documents import documents, mentioned, name_of, shell_lines
from tests.unit.house.test_makefile import targets
from tools.setup import ROOT

SHOWN = sorted({line for document in documents() for line in shell_lines(document)})
CHEAP = ("penstock --help", "penstock --version", "make help", "penstock topics --print")


@cache
def help_of(command: str) -> str:
    """What this command says of itself, with all its actions."""
    return subprocess.run(
        [sys.executable, "-m", "penstock.cli", command, "--help"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def wrong(line: str) -> str:
    """What is wrong with a command line; empty where nothing is."""
    words = line.split()
    if words[0] == "export":
        return "" if words[1].partition("=")[0] in known_names() else "no such variable"
    if words[0] == "make":
        named = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)]
        return "" if set(named) <= targets() else "no such target"
    if words[0] == "penstock" and len(words) > 1:
        return _wrong_command(words[1:])
    if words[:2] == ["python", "-m"] and len(words) > 2:
        return "" if find_spec(words[2]) else "no such module"
    return ""


def _wrong_command(words: list[str]) -> str:
    name, *rest = words
    if name.startswith("-") or name in ("[", "<command>"):
        return ""
    if name not in {command.name for command in COMMANDS}:
        return "no such command"
    told = help_of(name)
    options = [word for word in rest if word.startswith("--")]
    actions = [word for word in rest[:1] if re.fullmatch(r"[a-z]+", word)] if name in ("dlq", "db", "jobs") else []
    unknown = [word for word in (*options, *actions) if not re.search(rf"(?<![\w-]){re.escape(word)}\b", told)]
    return f"its help does not know {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_every_command_that_a_document_names_is_there(document: Path) -> None:
    problems = {line: problem for line in mentioned(document) if (problem := wrong(line))}
    assert problems == {}


def test_every_block_of_commands_holds_commands_of_ours_alone() -> None:
    assert SHOWN
    assert [line for line in SHOWN if line.split()[0] not in ("make", "penstock", "python", "export")] == []


@pytest.mark.parametrize("line", CHEAP)
def test_commands_that_cost_nothing_are_carried_out(line: str) -> None:
    words = shlex.split(line)
    command = [sys.executable, "-m", "penstock.cli", *words[1:]] if words[0] == "penstock" else words
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_explains_itself(command: str) -> None:
    told = help_of(command)
    assert told.startswith(f"usage: penstock {command}")
    assert len(told.splitlines()) > 8


def test_the_checks_find_what_is_wrong() -> None:
    assert wrong("make coffee") == "no such target"
    assert wrong("penstock brew") == "no such command"
    assert wrong("penstock dlq explode") == "its help does not know explode"
    assert wrong("penstock jobs --colour") == "its help does not know --colour"
    assert wrong("python -m tools.nothing") == "no such module"
    assert wrong("export PENSTOCK_NOTHING=1") == "no such variable"
    assert wrong("penstock dlq redrive <id>") == ""
