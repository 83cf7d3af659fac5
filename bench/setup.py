"""What several files in here stand on: a durable PostgreSQL, processes that end with us, and the load generator."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import msgspec

from bench.bodies import SECRET
from bench.generator import Job, Phase, Seen
from penstock.local.kafka import KafkaCluster
from penstock.local.ports import free_ports
from penstock.local.postgres import Durability, EmbeddedPostgres
from penstock.local.process import Command, ServerProcess, start_process
from penstock_eventlog.kafka import KafkaAddress
from penstock_store.migrations import upgrade

PATIENCE = 60.0
_ROOT = Path(__file__).resolve().parent.parent
_OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Ground:
    """A folder and a migrated database that is as safe as the one people run."""

    folder: Path
    database_url: str

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> ServerProcess:
        """A Python program that ends with us; what it says is in the folder."""
        environ = {**os.environ, "PYTHONPATH": str(_ROOT), **(environment or {})}
        return start_process(Command([sys.executable, *arguments], self.folder / f"{name}.log", environment=environ))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a process of ours listens."""

    webhooks: int
    console: int
    operations: int

    @classmethod
    def free(cls) -> "Addresses":
        return cls(*free_ports(3))

    def environment(self, ground: Ground) -> dict[str, str]:
        return {
            "PENSTOCK_DATABASE_URL": ground.database_url,
            "PENSTOCK_DATA_DIR": str(ground.folder / "data"),
            "PENSTOCK_INGEST_PORT": str(self.webhooks),
            "PENSTOCK_CONSOLE_PORT": str(self.console),
            "PENSTOCK_OPS_PORT": str(self.operations),
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
        }


@contextmanager
def ground() -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may have to run as somebody else
        server = EmbeddedPostgres(folder / "postgres", Durability.DURABLE)
        server.start()
        try:
            upgrade(server.url())
            yield Ground(folder, server.url())
        finally:
            server.remove()


@contextmanager
def kafka(on: Ground) -> Iterator[KafkaAddress]:
    """A broker beside the database. Raises KafkaUnavailable."""
    cluster = KafkaCluster(on.folder / "kafka")
    cluster.start()
    try:
        yield KafkaAddress(cluster.bootstrap)
    finally:
        cluster.remove()


def end(process: ServerProcess) -> None:
    process.end((signal.SIGTERM, 30.0))


def await_answer(port: int, path: str = "/livez") -> None:
    """Returns when it is answered with 200, or with 405 where nothing can be got."""
    deadline = time.monotonic() + PATIENCE
    while not _answers(port, path):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody answers {path} on port {port}")
        time.sleep(0.005)


def _answers(port: int, path: str) -> bool:
    try:
        with _OPENER.open(f"http://127.0.0.1:{port}{path}", timeout=5):
            return True
    except HTTPError as error:
        return error.code == 405
    except (URLError, OSError):
        return False


def generate(port: int, label: str, phases: Sequence[Phase]) -> list[Seen]:
    """Send webhooks from a process of its own. Under an open loop some may be refused; see `Seen.refused`."""
    job = msgspec.json.encode(Job(port, label, tuple(phases)))
    done = subprocess.run(
        [sys.executable, "-m", "bench.generator"], input=job, capture_output=True, cwd=_ROOT, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return msgspec.json.decode(done.stdout, type=list[Seen])


def accepted(seen: Sequence[Seen]) -> Seen:
    """The only phase, of which nothing may have been refused: a refusal is faster than the work."""
    (only,) = seen
    if only.refused:
        raise RuntimeError(f"not everything was accepted: {only.statuses}")
    return only
