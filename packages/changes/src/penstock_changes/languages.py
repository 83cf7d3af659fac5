"""The language of a file, and whether somebody wrote it by hand."""

import re
from enum import StrEnum
from pathlib import PurePosixPath

from penstock_changes.language_tables import (
    BY_ENDING,
    BY_INTERPRETER,
    BY_NAME,
    GENERATED_ENDINGS,
    GENERATED_FOLDERS,
    GENERATED_MARKS,
    LOCK_FILES,
    VENDORED_FOLDERS,
    Language,
)

__all__ = ["Language", "Origin", "is_generated", "language_of", "origin_of"]

_HEAD_LINES = 12
_COMMENT = re.compile(r"\s*(#|//|/\*|\*|--|;|<!--|%|\"\"\")")
_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+|\w+=\S+\s+)*)?(?:\S*/)?([A-Za-z-]+)")


class Origin(StrEnum):
    WRITTEN = "written"
    GENERATED = "generated"
    VENDORED = "vendored"
    LOCK_FILE = "lock_file"


def language_of(path: str, text: str = "") -> Language | None:
    """By the file's name, else its ending, else the interpreter that the first line of the text names."""
    name = PurePosixPath(path).name.lower()
    stem, _, ending = name.rpartition(".")
    by_name = BY_NAME.get(name) or (BY_ENDING.get(ending) if stem or ending in {"dockerfile"} else None)
    # `Dockerfile.dev` and `Makefile.am`: the name says more than an ending that nothing knows.
    by_name = by_name or BY_NAME.get(name.partition(".")[0])
    if by_name or not text.startswith("#!"):
        return by_name
    match = _SHEBANG.match(text)
    return BY_INTERPRETER.get(match.group(1).lower()) if match else None


def origin_of(path: str, text: str = "") -> Origin:
    """By the path, and where the text is given by the mark that generators leave in a comment at its top."""
    pure = PurePosixPath(path.lower())
    folders = frozenset(pure.parts[:-1])
    if pure.name in LOCK_FILES:
        return Origin.LOCK_FILE
    if folders & VENDORED_FOLDERS:
        return Origin.VENDORED
    if folders & GENERATED_FOLDERS or pure.name.endswith(GENERATED_ENDINGS) or _is_marked(text):
        return Origin.GENERATED
    return Origin.WRITTEN


def is_generated(path: str, text: str = "") -> bool:
    """Whether nobody wrote the file by hand: generated, vendored or a lock file."""
    return origin_of(path, text) is not Origin.WRITTEN


def _is_marked(text: str) -> bool:
    head = text[:4000].split("\n", _HEAD_LINES)[:_HEAD_LINES]
    comments = (line.lower() for line in head if _COMMENT.match(line))
    return any(mark in comment for comment in comments for mark in GENERATED_MARKS)
