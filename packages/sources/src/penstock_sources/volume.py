"""Keeps all mirrors together below what their volume may hold: those not read for longest go first."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from penstock_sources.errors import SourceTimeout
from penstock_sources.locks import Hold, file_lock

_WAIT_FOR_IDLE = 0.01


def lock_of(mirror: Path) -> Path:
    """Its time of change says when the mirror was last read."""
    return mirror.with_suffix(".lock")


def size_of(mirror: Path) -> int:
    return sum(file.stat().st_size for file in mirror.glob("objects/**/*") if file.is_file())


async def note_use(held: int) -> None:
    await asyncio.to_thread(os.utime, held)


async def make_room(root: Path, allowed_bytes: int, spared: Path) -> None:
    """Deletes mirrors that nobody holds until the rest fits; the spared one and those in use stay."""
    sizes = {mirror: await asyncio.to_thread(size_of, mirror) for mirror in root.glob("*.git")}
    excess = sum(sizes.values()) - allowed_bytes
    for mirror in sorted(sizes.keys() - {spared}, key=lambda mirror: lock_of(mirror).stat().st_mtime):
        if excess <= 0:
            return
        try:
            async with file_lock(lock_of(mirror), Hold.WRITING, _WAIT_FOR_IDLE):
                await discard(mirror)
        except SourceTimeout:
            continue
        excess -= sizes[mirror]


async def discard(folder: Path) -> None:
    """First out of the way, then deleted: a half-deleted mirror would look like one. The caller holds its lock."""
    if not folder.exists():
        return
    grave = folder.with_suffix(".discarded")
    await asyncio.to_thread(shutil.rmtree, grave, ignore_errors=True)
    await asyncio.to_thread(folder.rename, grave)
    await asyncio.to_thread(shutil.rmtree, grave, ignore_errors=True)
