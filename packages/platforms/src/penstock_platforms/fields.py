"""Taking fields out of a webhook's body, which anybody who knows the address may have written."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from penstock_platforms.errors import Malformed

TITLE_LIMIT = 300
NAME_LIMIT = 100
REF_LIMIT = 1_000
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[\w.-]{1,100}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)
_LARGEST_ID = 2**63 - 1
_LARGEST_NUMBER = 2**31 - 1
# Control, surrogate, and the format characters that turn text around or hide it.
_UNWANTED = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})


def parse(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("no JSON") from None
    if not isinstance(told, dict):
        raise Malformed("no JSON object")
    return told


def part(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = source.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"{name} is no object")
    return value


def text(source: Mapping[str, Any], name: str, *, limit: int) -> str:
    """Cleaned text, cut to the limit; null and absent are empty."""
    value = source.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return clean(value[: limit * 4])[:limit]


def said(source: Mapping[str, Any], name: str, *, limit: int) -> str:
    """Text that every event of its kind has: without it the body was not written by the platform."""
    value = text(source, name, limit=limit)
    if not value:
        raise Malformed(f"{name} is missing or empty")
    return value


def clean(value: str) -> str:
    """One line without characters that control anything."""
    if value.isprintable():  # nearly everything is, and this is asked at a hundredth of the cost
        return " ".join(value.split())
    return " ".join("".join(" " if unicodedata.category(each) in _UNWANTED else each for each in value).split())


def flag(source: Mapping[str, Any], name: str) -> bool:
    value = source.get(name, False)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Malformed(f"{name} is no flag")
    return value


def number(source: Mapping[str, Any], name: str) -> int:
    return _whole(source, name, _LARGEST_NUMBER)


def identifier(source: Mapping[str, Any], name: str) -> str:
    return str(_whole(source, name, _LARGEST_ID))


def commit(source: Mapping[str, Any], name: str) -> str:
    return _matching(source, name, _COMMIT)


def repository(source: Mapping[str, Any], name: str) -> str:
    return _matching(source, name, _REPOSITORY)


def ref(source: Mapping[str, Any], name: str) -> str:
    """The name of a branch, for which git takes nearly every text: any space but the plain one, joined emoji. What is
    too long, or could not be stored, is left empty: half a name is another branch."""
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is no branch")
    storable = value.isprintable() or not any(unicodedata.category(each) in ("Cc", "Cs") for each in value)
    return value if storable and len(value) <= REF_LIMIT else ""


def _whole(source: Mapping[str, Any], name: str, largest: int) -> int:
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= largest:
        raise Malformed(f"{name} is no number of a thing")
    return value


def _matching(source: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = source.get(name)
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise Malformed(f"{name} does not have its form")
    return value
