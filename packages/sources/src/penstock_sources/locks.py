"""A lock between processes: `flock` on a file, which ends with whoever held it, also after kill -9.

Children that inherit the file keep the lock: what a killed process started still counts as holding it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from pathlib import Path

from penstock_sources.errors import SourceTimeout, SourceUnavailable

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.25


class Hold(IntEnum):
    """Any number may read at a time, and nobody else while one writes."""

    READING = fcntl.LOCK_SH
    WRITING = fcntl.LOCK_EX


@asynccontextmanager
async def file_lock(path: Path, hold: Hold, seconds: float) -> AsyncIterator[int]:
    """Holds the lock and gives the open file; raises SourceTimeout when others keep it for longer than `seconds`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SourceUnavailable(f"{path.parent} cannot be written ({error.strerror})") from error
    try:
        await _acquire(descriptor, hold, seconds)
        yield descriptor
    finally:
        os.close(descriptor)


async def _acquire(descriptor: int, hold: Hold, seconds: float) -> None:
    pause = _FIRST_PAUSE
    try:
        async with asyncio.timeout(seconds):
            while not _taken(descriptor, hold):
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
    except TimeoutError as error:
        raise SourceTimeout(f"another process held the mirror for more than {seconds:g} s") from error


def _taken(descriptor: int, hold: Hold) -> bool:
    try:
        fcntl.flock(descriptor, hold | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
