"""Untrusted text as Markdown that says what it says and does nothing else. Pure."""

import re

_CODE = re.compile(r"(`[^`\n]+`)")
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>|~!])")
_LINE_START = re.compile(r"(?m)^(\s*)(#+|[-=]{3,}|[+])")
_MENTION = re.compile(r"([@#])(?=\w)")
_OUR_MARK = re.compile(r"<!--(?=\s*penstock)", re.IGNORECASE)
_INVISIBLE = "\u200b"


def escape(text: str) -> str:
    """Text of a model or of a pull request: code spans stay, nobody is mentioned, nothing is linked or rendered."""
    pieces = _CODE.split(text.replace("\x00", "").strip())
    return "".join(_inert(piece) if index % 2 else _plain(piece) for index, piece in enumerate(pieces))


def one_line(text: str, limit: int = 300) -> str:
    """The same on one line, for lists and titles."""
    joined = " ".join(text.split())
    return escape(joined if len(joined) <= limit else joined[: limit - 1] + "…")


def code(text: str) -> str:
    """A code span; a backtick inside is no reason to leave it."""
    plain = " ".join(text.split())
    ticks = "`" * (_longest_run(plain) + 1)
    pad = " " if "`" in plain else ""
    return f"{ticks}{pad}{_inert(plain)}{pad}{ticks}"


def fenced(text: str, language: str = "") -> str:
    """A block whose fence is longer than any run of backticks inside."""
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{_inert(text).rstrip(chr(10))}\n{ticks}"


def _plain(piece: str) -> str:
    escaped = _PUNCTUATION.sub(r"\\\1", piece.replace("&", "&amp;"))
    escaped = _LINE_START.sub(r"\1\\\2", escaped)
    escaped = _MENTION.sub(rf"\1{_INVISIBLE}", escaped)
    return escaped.replace("://", f":{_INVISIBLE}//").replace("www.", f"www{_INVISIBLE}.")


def _inert(text: str) -> str:
    """Also inside code our hidden mark is not copied: whoever reads raw text would take it for ours."""
    return _OUR_MARK.sub(f"<{_INVISIBLE}!--", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
