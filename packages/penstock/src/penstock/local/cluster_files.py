"""The files of a PostgreSQL cluster: created whole or not at all, where the server's user can reach them."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from penstock.local.binaries import postgres_programs
from penstock.local.errors import PostgresFailed
from penstock.local.placement import reachable, reachable_base
from penstock.local.process import SystemUser

ROLE = "penstock"
# nothing of ours goes to the server: it needs no token, and PG* variables would change what it does
SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def ensure_cluster(data_dir: Path, user: SystemUser | None, initdb_options: tuple[str, ...]) -> Path:
    """The cluster of this folder, made at the first call: `data_dir/cluster`, itself or the place it links to."""
    cluster = data_dir / "cluster"
    if (cluster / "PG_VERSION").exists():
        return cluster.resolve()
    cluster.unlink(missing_ok=True)  # a link whose goal somebody removed
    _write_password(data_dir / "password")
    if reachable(data_dir, user):
        _create(cluster, data_dir, user, initdb_options)
    else:
        place = Path(tempfile.mkdtemp(prefix="postgres-", dir=reachable_base("lib", user)))
        place.chmod(0o711)
        _create(place / "cluster", data_dir, user, initdb_options)
        cluster.symlink_to(place / "cluster")
    return cluster.resolve()


def remove_cluster(data_dir: Path) -> None:
    """Remove the folder and, where the cluster lies elsewhere, that place as well."""
    cluster = data_dir / "cluster"
    if cluster.is_symlink():
        shutil.rmtree(cluster.resolve().parent, ignore_errors=True)
    shutil.rmtree(data_dir, ignore_errors=True)


def _write_password(path: Path) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))


def _create(cluster: Path, data_dir: Path, user: SystemUser | None, options: tuple[str, ...]) -> None:
    unfinished = cluster.with_name("cluster.unfinished")
    password_file = cluster.with_name("password.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _write_copy(data_dir / "password", password_file)
    if user:
        os.chown(unfinished, user.uid, user.gid)
        os.chown(password_file, user.uid, user.gid)
    try:
        finished = subprocess.run(
            [
                *(str(postgres_programs(user) / "initdb"), "-D", str(unfinished), "-U", ROLE),
                *("--auth=scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                # the password is random, so stretching it protects nothing and costs each connection
                *("-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "scram_iterations=1"),
                *options,
            ],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=SERVER_ENVIRONMENT,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    finally:
        password_file.unlink()
    if finished.returncode:
        raise PostgresFailed(data_dir=data_dir, reason=finished.stdout.strip()[-2000:], log=data_dir / "server.log")
    unfinished.rename(cluster)


def _write_copy(source: Path, destination: Path) -> None:
    destination.unlink(missing_ok=True)
    with os.fdopen(os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(source.read_text())
