"""Where things must lie so that an unprivileged server can reach them.

PostgreSQL refuses to run as root, so root starts it as `nobody`; then every folder above its programs and its data must
let others pass. A home of mode 0700 does not, wherever below it the checkout or the virtual environment is.
"""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from penstock.local.process import SystemUser


def server_user() -> SystemUser | None:
    """The user servers run as that refuse to be root; None where we are somebody else already."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return SystemUser(uid=nobody.pw_uid, gid=nobody.pw_gid)


def cache_dir() -> Path:
    """Programs fetched once: PENSTOCK_CACHE_DIR, else the user's cache folder."""
    if chosen := os.environ.get("PENSTOCK_CACHE_DIR"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock"


def reachable(path: Path, user: SystemUser | None) -> bool:
    """Whether the user may pass every folder down to and including this one."""
    if user is None:
        return True
    path = path.resolve()
    return all(_passable(folder, user) for folder in (path, *path.parents) if folder.exists())


def _passable(folder: Path, user: SystemUser) -> bool:
    status = folder.stat()
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    return bool(status.st_mode & stat.S_IXOTH)


def reachable_base(kind: str, user: SystemUser | None) -> Path:
    """A folder of ours that the user can reach. `kind` is "cache" or "lib", as below /var."""
    for base in _bases(kind):
        with suppress(OSError):
            base.mkdir(mode=0o755, parents=True, exist_ok=True)
            if reachable(base, user) and base.stat().st_uid == os.geteuid() and os.access(base, os.W_OK):
                return base
    base = Path(tempfile.mkdtemp(prefix="penstock-"))
    base.chmod(0o755)
    return base


def _bases(kind: str) -> Iterator[Path]:
    if kind == "cache":
        yield cache_dir()
    yield Path("/var") / kind / "penstock"
    yield Path(tempfile.gettempdir()) / f"penstock-{kind}-{os.geteuid()}"


def copy_once(parts: list[Path], root: Path, destination: Path) -> None:
    """Copy these parts of `root` to `destination`, whole or not at all, also when several processes do it at once."""
    if destination.exists():
        return
    unfinished = Path(tempfile.mkdtemp(prefix=f"{destination.name}-", dir=destination.parent))
    unfinished.chmod(0o755)
    try:
        for part in parts:
            shutil.copytree(part, unfinished / part.relative_to(root), symlinks=True)
        with suppress(OSError):  # another process was faster, and its copy is as good
            unfinished.rename(destination)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
