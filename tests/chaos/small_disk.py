"""A small disk for the database.

It is mounted in a name space of this process and those it starts, so it goes with the last of them, however that ends.
"""

import ctypes
import os
import subprocess
from pathlib import Path

from tests.chaos.faults import Impossible

_NEW_NAMESPACE = 0x00020000
SIZE = "2g"


def mount_small_disk(folder: Path) -> None:
    """Call it before other threads are started: they would not see it. Raises Impossible."""
    folder.mkdir(parents=True, exist_ok=True)
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NAMESPACE):
        raise Impossible(f"no mounts of one's own: {os.strerror(ctypes.get_errno())}")
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "penstock-chaos", str(folder)],
    ):
        finished = subprocess.run(command, check=False, capture_output=True, text=True)
        if finished.returncode:
            raise Impossible(f"no small disk: {finished.stderr.strip()}")


def unmount(folder: Path) -> None:
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
