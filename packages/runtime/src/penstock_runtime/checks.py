"""Readiness checks that any process can have: the disk it writes to and the memory it uses."""

from __future__ import annotations

import asyncio
import resource
import shutil
from pathlib import Path

from penstock_runtime.errors import Unready
from penstock_runtime.operations import Check

_STATM = Path("/proc/self/statm")


def disk_check(folder: Path, free_bytes: int) -> Check:
    """Whether the file system of this folder has at least so much room; required, since nothing works without it."""

    async def probe() -> None:
        try:
            free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        except OSError as error:
            raise Unready(f"the data folder cannot be read ({error.strerror})") from error
        if free < free_bytes:
            raise Unready(f"{free // 2**20} MiB free, {free_bytes // 2**20} MiB needed")

    return Check("disk", probe)


def memory_check(limit_bytes: int) -> Check:
    """Whether this process uses at most so much memory; optional, since more of it is slow and not wrong."""

    async def probe() -> None:
        used = resident_bytes()
        if used > limit_bytes:
            raise Unready(f"{used // 2**20} MiB used, {limit_bytes // 2**20} MiB allowed")

    return Check("memory", probe, "optional")


def resident_bytes() -> int:
    """Resident memory of this process; 0 on a host without /proc."""
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text().split()[1]) * resource.getpagesize()
