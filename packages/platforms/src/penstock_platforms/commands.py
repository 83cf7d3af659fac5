"""What a person asks of us in a comment: the first line that is not empty, `/penstock …` or `@penstock …`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock_contracts.enums import Command

MARKER = "<!-- penstock:"
"""Begins the hidden mark in everything we post."""

ARGUMENT_LIMIT = 500
_ADDRESSED = re.compile(r"\s*(?P<sign>[/@])penstock\b(?!-)(?P<rest>[^\n]*)", re.IGNORECASE)
# Longer ones first, so that `full review` is not read as something else.
_WORDS = tuple(sorted(((each.value, each) for each in Command), key=lambda word: -len(word[0])))


@dataclass(frozen=True, slots=True)
class Asked:
    command: Command
    argument: str


def asked(body: str) -> Asked | None:
    """The command of a comment, or None. Whoever types `/penstock` and something unknown gets help;
    `@penstock` and something unknown is talk about us, not to us."""
    found = _ADDRESSED.match(body)
    if found is None:
        return None
    words = " ".join(found["rest"].split())
    for name, command in _WORDS:
        if re.match(rf"{name}(?![\w-])", words, re.IGNORECASE):
            return Asked(command, words[len(name) :].strip()[:ARGUMENT_LIMIT])
    return Asked(Command.HELP, words[:ARGUMENT_LIMIT]) if found["sign"] == "/" or not words else None
