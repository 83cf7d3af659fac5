"""Paths as git writes them in a diff: plain, or quoted like a string of C with octal escapes for bytes."""

import re

_ESCAPE = re.compile(rb'\\(?:([0-3][0-7]{2})|([abtnvfr"\\]))')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_LETTERS = {
    b"a": b"\a",
    b"b": b"\b",
    b"t": b"\t",
    b"n": b"\n",
    b"v": b"\v",
    b"f": b"\f",
    b"r": b"\r",
    b'"': b'"',
    b"\\": b"\\",
}


def decode_path(raw: bytes) -> str:
    """A path as text. Bytes that are no UTF-8 stay visible as \\xNN, so that the text can be stored everywhere."""
    return raw.decode("utf-8", errors="backslashreplace")


def unquote(written: str) -> str:
    """The path that git wrote, quoted or not."""
    if not _QUOTED.fullmatch(written):
        return written
    return decode_path(_ESCAPE.sub(_unescape, written[1:-1].encode("utf-8", errors="surrogatepass")))


def leading_quoted(written: str) -> str | None:
    """The quoted path that the text begins with, with its quotes."""
    match = _QUOTED.match(written)
    return match.group() if match else None


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, letter = match.groups()
    return bytes([int(octal, 8)]) if octal else _LETTERS[letter]
