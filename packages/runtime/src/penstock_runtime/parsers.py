"""How the text of a setting becomes a value: each parser says what it expects in the words of the error message."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar
from urllib.parse import urlsplit

from penstock_runtime.retry import PRESETS, RetryPolicy, parse_policy

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Parser(Generic[T_co]):
    """Reads a value or raises ValueError; `expects` completes the sentence "expected …"."""

    expects: str
    read: Callable[[str], T_co]
    secret: bool = False
    """Whether the text is shown nowhere."""


class Secret:
    """A text that shows itself only when asked by name. Equal to another Secret of the same text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")


def _full(text: str) -> str:
    if not text:
        raise ValueError("empty")
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*(:\d{1,5})?", text.lower()):
        raise ValueError(text)
    return text.lower()


def _flag(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _log_format(text: str) -> Literal["auto", "json", "text"]:
    match text.lower():
        case "auto" | "json" | "text" as style:
            return style
        case _:
            raise ValueError(text)


def _path(text: str) -> Path:
    try:
        return Path(_full(text)).expanduser()
    except RuntimeError:  # a ~ of nobody
        raise ValueError(text) from None


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}


_LONGEST = 3650 * _UNITS["d"]
"""Of all durations: a date that far ahead can still be written, in the database too."""


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", text)
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _UNITS[found[2] or "s"]


def duration(least: str) -> Parser[float]:
    """`least`: where less would refuse or fail everything; 0 where that means "never" or "not at all"."""
    shortest = _seconds(least)

    def read(text: str) -> float:
        seconds = _seconds(text)
        if not shortest <= seconds <= _LONGEST:
            raise ValueError(text)
        return seconds

    return Parser(f"a duration such as 30, 500ms, 30s, 5m, 2h or 7d, from {least} to 3650d", read)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([a-z]*)", text.lower())
    if found is None or found[2] not in _SIZES:
        raise ValueError(text)
    return int(found[1]) * _SIZES[found[2]]


def whole(minimum: int, maximum: int) -> Parser[int]:
    def read(value: str) -> int:
        number = int(value)
        if not minimum <= number <= maximum:
            raise ValueError(value)
        return number

    return Parser(f"a whole number from {minimum} to {maximum}", read)


def number(minimum: float, maximum: float) -> Parser[float]:
    def read(value: str) -> float:
        result = float(value)
        if not minimum <= result <= maximum:
            raise ValueError(value)
        return result

    return Parser(f"a number from {minimum:g} to {maximum:g}", read)


def one_of(*words: str) -> Parser[str]:
    def read(value: str) -> str:
        if value.lower() not in words:
            raise ValueError(value)
        return value.lower()

    return Parser("one of " + ", ".join(words), read)


def url(*schemes: str) -> Parser[str]:
    def read(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError("not such an address")
        for host in _hosts(value):
            _ = urlsplit(f"//{host}").port  # raises ValueError where it is no port
        return value

    return Parser("an address that starts with " + " or ".join(f"{scheme}://" for scheme in schemes), read)


def _hosts(address: str) -> list[str]:
    """One, or those of a database that has several. A password before them may have any character but @ and /."""
    authority = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return re.split(r"[?#]", authority)[0].split(",")


def secret_url(*schemes: str) -> Parser[Secret]:
    """An address that may contain a password."""
    plain = url(*schemes)
    return Parser(plain.expects, lambda value: Secret(plain.read(value)), secret=True)


def optional(parser: Parser[T], *words: str) -> Parser[T | None]:
    """None for one of `words`, else what `parser` reads."""

    def read(value: str) -> T | None:
        return None if value.lower() in words else parser.read(value)

    shown = " or ".join(word for word in words if word)
    return Parser(f"{parser.expects}, or {shown}" if shown else parser.expects, read, parser.secret)


text: Parser[str] = Parser("a text that is not empty", _full)
secret: Parser[Secret] = Parser("a secret that is not empty", lambda value: Secret(_full(value)), secret=True)
host: Parser[str] = Parser("a host such as git.example.com or git.example.com:8443", _host)
flag: Parser[bool] = Parser("true or false (also yes, no, on, off, 1, 0)", _flag)
size: Parser[int] = Parser("a size such as 65536, 64KiB, 10MB or 2GiB", _size)
path: Parser[Path] = Parser("the path of a file or folder", _path)
port: Parser[int] = Parser("a port from 1 to 65535, or 0 for any free one", whole(0, 65535).read)
log_format: Parser[Literal["auto", "json", "text"]] = Parser("one of auto, json, text", _log_format)
words: Parser[tuple[str, ...]] = Parser(
    "words separated by commas", lambda value: tuple(word.strip() for word in value.split(",") if word.strip())
)
retry_policy: Parser[RetryPolicy] = Parser(
    f"a retry policy: one of {', '.join(PRESETS)}, with changes such as `standard,attempts=5,cap=60`; "
    "no wait is above 30d",
    parse_policy,
)
