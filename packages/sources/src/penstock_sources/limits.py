"""How much of a repository is read, and for how long."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `pack_bytes` bounds one transfer, `mirror_bytes` what a mirror may grow to before it is thrown away and made anew,
    `volume_bytes` all mirrors together.
    """

    fetch_seconds: float = 600.0
    read_seconds: float = 60.0
    lock_seconds: float = 620.0
    pack_bytes: int = 2048 * MEBIBYTE
    mirror_bytes: int = 4096 * MEBIBYTE
    volume_bytes: int = 20 * 1024 * MEBIBYTE
    diff_bytes: int = 64 * MEBIBYTE
    file_bytes: int = 2 * MEBIBYTE
    texts_bytes: int = 256 * MEBIBYTE
    protocols: tuple[str, ...] = ("https", "http")
