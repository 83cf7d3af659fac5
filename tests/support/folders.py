"""Folders for servers of tests: fast where memory can hold them, reachable by any user, removed also after kill -9."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "penstock-tests-"
_ROOM_NEEDED = 2 * 1024**3  # containers often have 64 MB of shared memory, which one server fills


@contextmanager
def disposable_folder() -> Iterator[Path]:
    """A folder that is held by a lock while it is used, so that the next run can tell what a killed one left."""
    base = _base()
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    folder.chmod(0o711)
    with (folder / "in-use").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _base() -> Path:
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_NEEDED:
        return memory
    return Path(tempfile.gettempdir())


def _sweep(base: Path) -> None:
    for lock_file in base.glob(f"{_PREFIX}*/in-use"):
        try:
            with lock_file.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.parent, ignore_errors=True)
        except OSError:  # somebody else's, or in use
            continue
