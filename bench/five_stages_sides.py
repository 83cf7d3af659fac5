"""The sides of the five-stage comparison as processes that are started, do one turn after the other, and are ended."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psycopg

from bench.five_stages_load import Ran, Turn, carried_out
from bench.five_stages_ours import client
from bench.setup import Ground, await_answer, end
from penstock.local.ports import free_port
from penstock.local.process import ServerProcess
from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_store.migrations import upgrade

Do = Callable[[Turn], Ran]
Start = Callable[[], AbstractContextManager[Do]]
"""Starts a side; it ends with the context."""
_ROOT = Path(__file__).resolve().parent.parent
_CLOSE_LOOK, _RARE_LOOK = 0.005, 0.02
"""Seconds between two looks at the table of jobs: close where latency is measured."""
_WAITS = "select sum(fsyncs) from pg_stat_io where object = 'wal' and backend_type = 'client backend'"


def database(on: Ground, name: str) -> str:
    """An empty one on the same server."""
    _tell(on, f"create database {name}")
    return urlsplit(on.database_url)._replace(path=f"/{name}").geturl()


def _tell(on: Ground, statement: str) -> None:
    with psycopg.connect(on.database_url, autocommit=True) as connection:
        connection.execute(statement)


def waits(on: Ground) -> int:
    """How often so far any session of the server waited for the disk to have its commits."""
    with psycopg.connect(on.database_url, autocommit=True) as connection:
        found = connection.execute(_WAITS).fetchone()
    return int(found[0]) if found else 0


class Commits(Enum):
    """Which of a side's commits are waited for until they are on disk."""

    EVERY = "every"
    OUTER = "outer"
    """As `penstock up` runs: all but those between stages (docs/adr/0038)."""
    NONE = "none"


def ours_on_postgres(on: Ground, commits: Commits) -> Start:
    """One process on the PostgreSQL log, as `penstock up`; beside a pooler that waits for every commit."""
    url = database(on, f"five_stages_on_postgres_{commits.value}")
    upgrade(url)
    environment = {"PENSTOCK_DATABASE_DIRECT_URL": url} if commits is Commits.EVERY else {}

    @contextmanager
    def started() -> Iterator[Do]:
        process = start(on, url, "together", environment=environment)
        try:
            yield _driven(url)
        finally:
            end(process)

    return started


def ours_on_kafka(
    on: Ground, address: KafkaAddress, groups: Sequence[Sequence[str]], points: Path | None = None
) -> Start:
    """A process for each group of services; into the folder `points` each writes when it passed which point."""
    url = database(on, "five_stages_on_kafka")
    upgrade(url)
    prepare_topics(address)

    @contextmanager
    def started() -> Iterator[Do]:
        kafka = {"PENSTOCK_KAFKA_BOOTSTRAP": address.bootstrap}
        noting = ["--points", str(points)] if points else []
        processes = [
            start(on, url, "apart", *services, *noting, environment=kafka, until="/livez") for services in groups
        ]
        try:
            yield _driven(url)
        finally:
            for process in processes:
                end(process)

    return started


def dbos(on: Ground, processes: int, commits: Commits = Commits.EVERY) -> Start:
    """Every process starts its share of the runs."""
    name = f"five_stages_in_dbos_{processes}_{commits.value}"
    url = database(on, name)
    if commits is Commits.NONE:
        _tell(on, f"alter database {name} set synchronous_commit = off")

    @contextmanager
    def started() -> Iterator[Do]:
        with ExitStack() as stack:
            executors = [stack.enter_context(executor(url, f"executor-{n}")) for n in range(processes)]
            with ThreadPoolExecutor(processes) as threads:
                yield lambda turn: _joined(list(threads.map(_ask, executors, _shares(turn, processes))))

    return started


def start(
    on: Ground,
    url: str,
    how: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    until: str = "/readyz",
) -> ServerProcess:
    """A process of our side. Returns when it answers so on its operations port."""
    port = free_port()
    told = {
        "PENSTOCK_DATABASE_URL": url,
        "PENSTOCK_DATA_DIR": str(on.folder / "data"),
        "PENSTOCK_OPS_PORT": str(port),
        "PENSTOCK_LOG_LEVEL": "warning",
        **(environment or {}),
    }
    process = on.start(f"{how}-{port}", "-m", "bench.five_stages_ours", how, *arguments, environment=told)
    await_answer(port, until)
    return process


def prepare_topics(address: KafkaAddress) -> None:
    async def prepare() -> None:
        log = KafkaLog(address)
        await log.prepare()
        await log.close()

    asyncio.run(prepare())


def _driven(url: str) -> Do:
    async def drive(turn: Turn) -> Ran:
        async with client(url, _RARE_LOOK if turn.flight else _CLOSE_LOOK) as one:
            return await carried_out(one.run, turn)

    return lambda turn: asyncio.run(drive(turn))


@contextmanager
def executor(url: str, name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of DBOS that is ready."""
    command = [sys.executable, "-m", "bench.five_stages_dbos", url, "--executor", name, *arguments]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process
        finally:
            process.communicate()  # it ends with its input


def tell(process: "subprocess.Popen[bytes]", turn: Turn | None = None) -> None:
    """What it is to do; nothing to one that stands by."""
    assert process.stdin
    process.stdin.write((msgspec.json.encode(turn) if turn else b"") + b"\n")
    process.stdin.flush()


def _ask(process: "subprocess.Popen[bytes]", turn: Turn) -> Ran:
    tell(process, turn)
    assert process.stdout
    return msgspec.json.decode(process.stdout.readline(), type=Ran)


def _shares(turn: Turn, parts: int) -> list[Turn]:
    return [
        replace(
            turn,
            label=f"{turn.label}-{part}",
            flight=turn.flight // parts,
            count=turn.count // parts,
            per_second=turn.per_second / parts,
        )
        for part in range(parts)
    ]


def _joined(ran: Sequence[Ran]) -> Ran:
    return Ran(ran[0].seconds, [latency for each in ran for latency in each.latencies])
