"""How a stored state becomes the bytes of its columns, by one of four strategies, which is stored beside them. Pure.

full         the state as it is
compressed   deflated
delta        what changed since a base, which lies in a column of its own that is seldom written; the first is whole
minimal      a fingerprint alone: the state is folded again from its facts whenever it is needed

A small state is not worth a delta or compressing: it is stored as it is. Any of them can follow any other on a row:
what is read is read as it says it was written.
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from penstock_store.errors import CorruptState

SMALL = 2_048
"""Bytes: below, what is saved is lost in the row around it."""
DELTA_ROOT = 30
"""A delta is kept until it is larger than so many times the root of its base's bytes. It grows by some 400 bytes with
each answer; so the least is written in the long run, a long delta each time or a new base now and then."""
_LEVEL = 1
_SEPARATOR = b"}"
_CHECKSUM = 4
_Copy = tuple[int, int]
_Piece = bytes | _Copy
"""New bytes, or the pieces of the base from the first number up to the second."""
_pieces = msgspec.msgpack.Decoder(list[_Piece])


class StateEncoding(StrEnum):
    """What can be chosen."""

    FULL = "full"
    DELTA = "delta"
    MINIMAL = "minimal"
    COMPRESSED = "compressed"


DEFAULT = StateEncoding.DELTA
_FULL = frozenset({StateEncoding.FULL.value, "json"})
"""`json` is what it was called when there was no other."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The columns of a stored state. `base` is empty but for a delta."""

    encoding: str
    data: bytes
    base: bytes = b""


def pack(strategy: StateEncoding, state: bytes, before: Packed | None = None) -> Packed:
    """`before` is what is stored now, whatever it is: a delta keeps its base as long as it is small beside it."""
    match strategy:
        case StateEncoding.COMPRESSED if len(state) >= SMALL:
            return Packed(strategy, zlib.compress(state, _LEVEL))
        case StateEncoding.MINIMAL:
            return Packed(strategy, hashlib.sha256(state).digest())
        case StateEncoding.DELTA if len(state) >= SMALL:
            return _pack_delta(state, before.base if before else b"")
        case _:
            return Packed(StateEncoding.FULL, state)


def unpack(packed: Packed) -> bytes | None:
    """The state; None where only the facts have it. Raises CorruptState."""
    if packed.encoding in _FULL:
        return packed.data
    match packed.encoding:
        case StateEncoding.COMPRESSED:
            return _inflated(packed.data)
        case StateEncoding.DELTA:
            return _restored(packed)
        case StateEncoding.MINIMAL:
            return None
    raise CorruptState(f"no state encoding is called {packed.encoding!r}")


def check(packed: Packed, state: bytes) -> None:
    """Is this the state that is stored, or was left out as known from its facts? Raises CorruptState."""
    if packed.encoding == StateEncoding.MINIMAL:
        same = packed.data == hashlib.sha256(state).digest()
    else:
        same = unpack(packed) == state
    if not same:
        raise CorruptState("the facts lead to another state than the stored one")


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise CorruptState(f"a compressed state cannot be inflated: {error}") from error


def _pack_delta(state: bytes, base: bytes) -> Packed:
    if base:
        data = _delta(base, state)
        if len(data) ** 2 <= DELTA_ROOT**2 * len(base):
            return Packed(StateEncoding.DELTA, data, base)
    return Packed(StateEncoding.DELTA, _delta(state, state), state)


def _delta(base: bytes, state: bytes) -> bytes:
    """Pieces of JSON objects are found again whole or not at all: a part that changed is short beside the rest."""
    known = {piece: at for at, piece in enumerate(base.split(_SEPARATOR))}
    pieces: list[_Piece] = []
    for piece in state.split(_SEPARATOR):
        at = known.get(piece)
        last = pieces[-1] if pieces else None
        if at is None:
            pieces.append(piece)
        elif isinstance(last, tuple) and last[1] == at:
            pieces[-1] = (last[0], at + 1)
        else:
            pieces.append((at, at + 1))
    return _checksum(state) + msgspec.msgpack.encode(pieces)


def _restored(packed: Packed) -> bytes:
    checksum, data = packed.data[:_CHECKSUM], packed.data[_CHECKSUM:]
    try:
        pieces = _pieces.decode(data)
    except msgspec.MsgspecError as error:
        raise CorruptState(f"a delta cannot be read: {error}") from error
    state = _SEPARATOR.join(_put_together(packed.base.split(_SEPARATOR), pieces))
    if checksum != _checksum(state):
        raise CorruptState("a delta and its base do not belong together")
    return state


def _put_together(base: Sequence[bytes], pieces: Sequence[_Piece]) -> list[bytes]:
    found: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            found.append(piece)
        else:
            found.extend(base[piece[0] : piece[1]])
    return found


def _checksum(state: bytes) -> bytes:
    return zlib.crc32(state).to_bytes(_CHECKSUM)
