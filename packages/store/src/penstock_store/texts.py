"""Which texts every column and every schema takes, and how any other becomes one of them. Pure."""

import re

LONGEST_ERROR = 2_000
# A column takes no zero and no half of a surrogate pair; what else controls a terminal has no place in a text either.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def is_printable(text: str) -> bool:
    """Lines and tabs are."""
    return _UNPRINTABLE.search(text) is None


def printable(text: str) -> str:
    """With question marks for what cannot be stored or shown, and of bounded length: for texts of errors."""
    return _UNPRINTABLE.sub("?", text[:LONGEST_ERROR])


def describe(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {error}")
