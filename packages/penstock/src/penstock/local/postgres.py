"""A PostgreSQL of one's own: started from a wheel's programs, owned by the process that started it.

    server = attach_or_start(Path("data/postgres"))
    server.url("penstock")
    server.stop()

The first process owns the server and others attach to it. However the owner ends, the server ends with it (unless it
was started detached), and the next process begins from the same data. It listens on 127.0.0.1 alone and asks for a
password, since every user of the machine can reach that address.
"""

import fcntl
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg

from penstock.local.binaries import postgres_programs
from penstock.local.cluster_files import ROLE, SERVER_ENVIRONMENT, ensure_cluster, remove_cluster
from penstock.local.errors import FolderRefused, PostgresAlreadyRuns, PostgresFailed
from penstock.local.placement import server_user
from penstock.local.ports import free_port, is_free
from penstock.local.process import Command, Lifetime, ServerProcess, start_process

_PASSES_BY_ITSELF = (
    "pre-existing shared memory block",  # orphaned backends of a killed postmaster still leave
    "could not bind",
    "could not create any TCP/IP sockets",
    "is another postmaster",
)


class Durability(Enum):
    """What the server promises, and its settings for that."""

    DURABLE = ("shared_buffers=64MB",)
    """Survives the end of processes and of the machine: what people run."""
    PROCESS_CRASH = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "io_method=sync")
    """Survives kill -9 of any process: for tests that do that."""
    DISPOSABLE = (
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "autovacuum=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "shared_buffers=32MB",
        "io_method=sync",
    )
    """Promises nothing: for tests that leave the server alone."""


class PostgresServer(Protocol):
    """A running server, whoever runs it."""

    def url(self, database: str = "postgres") -> str: ...

    def stop(self) -> None:
        """End the server if it is ours."""
        ...

    def remove(self) -> None:
        """End the server and remove its data, if it is ours."""
        ...


class AttachedPostgres:
    """A server that somebody else runs."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def url(self, database: str = "postgres") -> str:
        return urlunsplit(self._url._replace(path=f"/{database}"))

    def stop(self) -> None:
        """Nothing: it is not ours."""

    def remove(self) -> None:
        """Nothing: it is not ours."""


class EmbeddedPostgres:
    """A server in a folder of ours.

    In the folder: `cluster` (a link where the server's user cannot reach the folder), `password`, `port`, `server.pid`,
    `server.log`, `lock`.
    """

    def __init__(
        self,
        data_dir: Path,
        durability: Durability = Durability.DURABLE,
        lifetime: Lifetime = Lifetime.WITH_OWNER,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._durability = durability
        self._lifetime = lifetime
        self._user = server_user()
        self._process: ServerProcess | None = None

    @property
    def log(self) -> Path:
        return self.data_dir / "server.log"

    @property
    def port(self) -> int:
        return int((self.data_dir / "port").read_text())

    def url(self, database: str = "postgres") -> str:
        password = (self.data_dir / "password").read_text()
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self, seconds: float = 60.0) -> None:
        """Start it on the data and, where it is free, the port of the last time; nothing when we have it running.

        Raises PostgresAlreadyRuns, PostgresFailed, PostgresUnavailable.
        """
        with self._locked():
            if not self._answers(seconds):
                self._start(seconds)
            elif self._process is None or not self._process.alive():
                raise PostgresAlreadyRuns(data_dir=self.data_dir)

    def attach_or_start(self, seconds: float = 60.0) -> PostgresServer:
        """The server of this folder: the one that runs, else this one, started."""
        with self._locked():
            if self._answers(seconds):
                return AttachedPostgres(self.url())
            self._start(seconds)
        return self

    def running(self) -> bool:
        return self.process() is not None

    def stop(self) -> None:
        """End the server in an orderly way: connections are closed, nothing is lost."""
        if process := self.process():
            process.end((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def kill(self) -> None:
        """kill -9 of the postmaster, for tests of those who use it."""
        if process := self.process():
            process.end()

    def restart(self) -> None:
        """Stop it if it runs, and start it on the same port and data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it and remove its folder, wherever its data lies."""
        self.stop()
        remove_cluster(self.data_dir)

    def process(self) -> ServerProcess | None:
        """The postmaster: ours, or one that was started detached by somebody else."""
        process = self._process or ServerProcess.load(self.data_dir / "server.pid")
        return process if process and process.alive() else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time looks whether a server runs, and starts one."""
        try:
            if not self.data_dir.exists():
                self.data_dir.mkdir(parents=True, exist_ok=True)
                self.data_dir.chmod(0o711 if self._user else 0o700)
            opened = (self.data_dir / "lock").open("w")
        except OSError as error:
            raise FolderRefused(folder=self.data_dir, reason=error.strerror) from error
        with opened as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _answers(self, seconds: float) -> bool:
        """Whether a server runs on this cluster, whoever started it. The server is asked: a pid file may be stale."""
        cluster = (self.data_dir / "cluster").resolve()
        pid_file = cluster / "postmaster.pid"
        deadline = time.monotonic() + seconds
        while pid_file.exists():
            if self._serves(cluster):
                return True
            if not _is_postmaster(pid_file, cluster):
                pid_file.unlink(missing_ok=True)  # its number may belong to another process, which PostgreSQL believes
                return False
            if time.monotonic() > deadline:
                raise PostgresFailed(data_dir=self.data_dir, reason="it runs and does not answer", log=self.log)
            time.sleep(0.02)
        return False

    def _serves(self, cluster: Path) -> bool:
        try:
            with psycopg.connect(self.url(), connect_timeout=2) as connection:
                row = connection.execute("show data_directory").fetchone()
        except (psycopg.OperationalError, FileNotFoundError):
            return False
        return row is not None and Path(str(row[0])) == cluster

    def _start(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        disposable = self._durability is Durability.DISPOSABLE
        options = ("--no-sync", "--no-data-checksums") if disposable else ()
        cluster = ensure_cluster(self.data_dir, self._user, options)
        while True:
            self._choose_port()
            said_before = self.log.stat().st_size if self.log.exists() else 0
            process = start_process(self._command(cluster), self._lifetime)
            if self._becomes_ready(process, cluster, deadline):
                process.save(self.data_dir / "server.pid")
                self._process = process
                return
            said = self.log.read_bytes()[said_before:].decode(errors="replace").strip()
            if time.monotonic() > deadline or not any(reason in said for reason in _PASSES_BY_ITSELF):
                raise PostgresFailed(data_dir=self.data_dir, reason=said[-2000:] or "it says nothing", log=self.log)
            time.sleep(0.05)

    def _becomes_ready(self, process: ServerProcess, cluster: Path, deadline: float) -> bool:
        while process.alive():
            if self._serves(cluster):
                return True
            if time.monotonic() > deadline:
                process.end((signal.SIGQUIT, 5.0))
            time.sleep(0.02)
        return False

    def _command(self, cluster: Path) -> Command:
        settings = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            *self._durability.value,
        )
        arguments = [str(postgres_programs(self._user) / "postgres"), "-D", str(cluster)]
        for setting in settings:
            arguments += ["-c", setting]
        return Command(
            arguments=arguments,
            log=self.log,
            user=self._user,
            environment=SERVER_ENVIRONMENT,
            death_signal=signal.SIGINT,
        )

    def _choose_port(self) -> None:
        path = self.data_dir / "port"
        if path.exists() and is_free(int(path.read_text())):
            return
        path.write_text(str(free_port()))


def attach_or_start(data_dir: Path, durability: Durability = Durability.DURABLE) -> PostgresServer:
    """The server of this folder: the one that runs, else one that this process owns from now on."""
    return EmbeddedPostgres(data_dir, durability).attach_or_start()


def open_postgres(url: str | None, data_dir: Path) -> PostgresServer:
    """The server at this address, or without one the embedded server of this folder."""
    return AttachedPostgres(url) if url else attach_or_start(data_dir)


def _is_postmaster(pid_file: Path, cluster: Path) -> bool:
    """Whether the process of this file lives in the cluster's folder, as a postmaster does."""
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        return Path(psutil.Process(pid).cwd()) == cluster
    except (OSError, ValueError, IndexError, psutil.Error):
        return False
