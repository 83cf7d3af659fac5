"""The documents of this repository, and what tests look for in them."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tools.setup import ROOT

PATH = re.compile(r"`((?:packages|services|tests|tools|docs|schemas|bench|deploy)/[\w./-]*|[A-Z]+\.md|Makefile)`")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")


@cache
def documents() -> tuple[Path, ...]:
    """All Markdown files that are, or are about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return tuple(path for line in listed.splitlines() if (path := ROOT / line).is_file())


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, title: str) -> str:
    """From its heading to the next of the same level."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text_of(name), re.MULTILINE | re.DOTALL)
    return str(found)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of its table rows, without headers' rules."""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def shell_lines(document: Path) -> Iterator[str]:
    """The commands of its fenced `sh` blocks."""
    for language, body in FENCE.findall(document.read_text()):
        if language == "sh":
            yield from (line.strip() for line in body.splitlines() if line.strip() and not line.startswith("#"))


def mentioned(document: Path) -> Iterator[str]:
    """Every command it speaks of: in `sh` blocks, and in running text between backticks."""
    yield from shell_lines(document)
    yield from CODE.findall(FENCE.sub("", document.read_text()))
