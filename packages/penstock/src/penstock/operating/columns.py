"""Rows as columns of a terminal: PURE."""

import re
from collections.abc import Sequence

# What moves the cursor, changes colours or turns the direction of writing would make a text look other than it is.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def aligned(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Each column as wide as its widest cell; a column that is empty below its header is left out."""
    cells = [[plain(cell) for cell in row] for row in rows]
    below = cells[1:] or cells
    kept = [index for index in range(len(cells[0])) if any(row[index] for row in below)]
    widths = {index: max(len(row[index]) for row in cells) for index in kept}
    lines = ("  ".join(row[index].ljust(widths[index]) for index in kept).rstrip() for row in cells)
    return "".join(f"{indent}{line}\n" for line in lines)


def plain(text: str) -> str:
    """What a stranger wrote, harmless on a terminal and on one line."""
    return _CONTROL.sub(lambda found: " " if found[0] == "\n" else f"\\x{ord(found[0]):02x}", text)
