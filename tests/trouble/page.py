"""docs/troubleshooting.md quotes what the system says: a test that sees a message asks whether the page has it."""

from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"


def quoted(message: str) -> str:
    """The message, if somebody who looks for it on the page finds it."""
    assert " ".join(message.split()) in _text(), f"docs/troubleshooting.md does not quote: {message}"
    return message


@cache
def _text() -> str:
    return " ".join(PAGE.read_text(encoding="utf-8").split())
