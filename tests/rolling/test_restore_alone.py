"""A backup put back under `penstock up`, whose log is part of the database: everything ends, nothing is doubled."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from penstock.demo import example
from penstock.local.ports import free_ports
from penstock.local.postgres import PostgresServer
from penstock_platforms.forge.hooks import Hook
from penstock_platforms.forge.server import TOKEN, Forge
from tests.chaos.in_the_store import unfinished
from tests.support.processes import Processes
from tests.support.waiting import eventually

SECRET = "a-secret-for-tests"
_PATIENCE = 60.0


class Alone:
    """One process on one database, and a forge."""

    def __init__(self, forge: Forge, environment: Mapping[str, str], processes: Processes) -> None:
        self.forge = forge
        self._environment = environment
        self._processes = processes

    async def up(self) -> None:
        self._process = self._processes.start("python", "-m", "penstock.cli", "up", environment=self._environment)
        await asyncio.to_thread(self._process.wait_for_output, '"started"', _PATIENCE)

    async def down(self) -> None:
        self._process.send(signal.SIGTERM)
        assert await asyncio.to_thread(self._process.wait, _PATIENCE) == 0, self._process.output()

    async def after_restore(self) -> str:
        command = [sys.executable, "-m", "penstock.cli", "db", "after-restore"]
        environment = {**os.environ, **self._environment}
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    def landed(self, kind: str) -> Counter[str]:
        """How often each thing of ours was said at the forge, by its mark."""
        said = (entry for entry in self.forge.ledger.entries() if entry.kind == kind and entry.landed)
        return Counter(entry.marker for entry in said)

    async def reviewed(self, number: int) -> None:
        await eventually(
            lambda: len(self.landed("review.submitted")) >= number, within=_PATIENCE, what=f"{number} reviews"
        )

    async def finished(self, runs: int) -> None:
        """A webhook that was taken is in the log before its run is in the table, so that nothing open is not enough."""
        url = self._environment["PENSTOCK_DATABASE_URL"]

        async def all_over() -> bool:
            known = await asyncio.to_thread(outcomes, url)
            return len(known) == runs and not await asyncio.to_thread(unfinished, url)

        await eventually(all_over, within=_PATIENCE, what=f"{runs} runs to be over")


def outcomes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        runs = connection.execute("select outcome from workflow.workflow_jobs where parent_id is null")
        return [outcome for (outcome,) in runs]


def copied(server: PostgresServer, source: str, target: str) -> None:
    dropped(server, target)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {target} template {source} strategy file_copy".encode())


def dropped(server: PostgresServer, name: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)".encode())


@pytest.fixture
def backup(postgres_server: PostgresServer, postgres_database: str) -> Iterator[str]:
    name = f"{postgres_database.rpartition('/')[2]}_backup"
    yield name
    dropped(postgres_server, name)


@pytest.fixture
async def alone(postgres_database: str, processes: Processes, tmp_path: Path) -> AsyncIterator[Alone]:
    ingest_port, console_port = free_ports(2)
    hook = Hook(f"http://127.0.0.1:{ingest_port}/webhooks/github", SECRET)
    async with Forge(tmp_path / "forge", hook=hook) as forge:
        environment = {
            "PENSTOCK_DATABASE_URL": postgres_database,
            "PENSTOCK_INGEST_PORT": str(ingest_port),
            "PENSTOCK_CONSOLE_PORT": str(console_port),
            "PENSTOCK_OPS_PORT": "off",
            "PENSTOCK_LOG_FORMAT": "json",
            "PENSTOCK_DATA_DIR": str(tmp_path / "data"),
            "PENSTOCK_GITHUB_URL": forge.api_url,
            "PENSTOCK_GITHUB_TOKEN": TOKEN,
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
        }
        yield Alone(forge, environment, processes)


async def test_a_restored_database_that_is_also_the_log_goes_on_and_says_nothing_twice(
    alone: Alone, postgres_server: PostgresServer, postgres_database: str, backup: str
) -> None:
    name = postgres_database.rpartition("/")[2]
    world = alone.forge.world
    repository = await world.create_repository(example.NAME, example.BEFORE)
    await alone.up()
    first = await world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)
    await alone.reviewed(1)
    await alone.finished(1)
    await alone.down()
    copied(postgres_server, name, backup)
    await alone.up()
    await world.push(repository, first, {"shop/more.py": "def add(item, seen=[]):\n    seen.append(item)\n"})
    await world.open_pull_request(repository, title="Another", files={"a.py": "def f(x=[]):\n    return x\n"})
    await alone.reviewed(3)
    await alone.finished(3)
    await alone.down()

    copied(postgres_server, backup, name)
    assert "came back with it" in await alone.after_restore()
    await alone.up()
    for delivery in alone.forge.hooks.deliveries():
        alone.forge.hooks.redeliver(delivery)
    await alone.forge.hooks.idle()
    await alone.finished(3)
    await alone.down()

    assert outcomes(postgres_database) == ["reviewed"] * 3
    assert set(alone.landed("review.submitted").values()) == {1}
    assert len(alone.landed("review.submitted")) == 3
    assert list(alone.landed("comment.created").values()) == [1, 1]
