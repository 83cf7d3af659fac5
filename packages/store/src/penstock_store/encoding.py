"""How a stored state becomes the bytes of its column: the one seam for other strategies than the plain one."""

from penstock_store.errors import CorruptState

PLAIN = "json"


def pack(state: bytes) -> tuple[str, bytes]:
    """The name of the encoding, stored beside the bytes, and the bytes."""
    return PLAIN, state


def unpack(encoding: str, data: bytes) -> bytes:
    if encoding != PLAIN:
        raise CorruptState(f"no state encoding is called {encoding!r}")
    return data
