"""`penstock up` on a server that is killed at random moments, and loses with it whatever nobody waited for."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from penstock.demo import example
from penstock.local.ports import free_ports
from penstock_platforms.forge.hooks import Hook
from penstock_platforms.forge.model import Comment, Review
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_store.errors import StoreRewound
from tests.support.postgres import MortalPostgres
from tests.support.processes import Processes, StartedProcess
from tests.support.waiting import eventually

SECRET = "a-secret-for-tests"
CRASHES, PULLS = 3, 4
STARTED = '"started"'


@pytest.fixture
def sluggish(mortal_postgres: MortalPostgres) -> Iterator[MortalPostgres]:
    """A crash loses seconds of what is not waited for."""
    _tell(mortal_postgres, "alter system set wal_writer_delay = '10s'")
    yield mortal_postgres
    mortal_postgres.server.start()
    _tell(mortal_postgres, "alter system reset wal_writer_delay")


def _tell(postgres: MortalPostgres, statement: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(statement.encode())
        connection.execute("select pg_reload_conf()")


def _environment(folder: Path, postgres: MortalPostgres, forge: Forge, ingest: int) -> Mapping[str, str]:
    console, operations = free_ports(2)
    return {
        "PENSTOCK_DATABASE_URL": postgres.url,
        "PENSTOCK_DATA_DIR": str(folder / "data"),
        "PENSTOCK_INGEST_PORT": str(ingest),
        "PENSTOCK_CONSOLE_PORT": str(console),
        "PENSTOCK_OPS_PORT": str(operations),
        "PENSTOCK_GITHUB_URL": forge.api_url,
        "PENSTOCK_GITHUB_TOKEN": TOKEN,
        "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
        "PENSTOCK_LOG_FORMAT": "json",
    }


def _rows(postgres: MortalPostgres, statement: str) -> int:
    with psycopg.connect(postgres.url) as connection:
        found = connection.execute(statement.encode()).fetchone()
        return int(found[0]) if found else 0


async def _up(processes: Processes, environment: Mapping[str, str]) -> StartedProcess:
    started = processes.start("python", "-m", "penstock.cli", "up", environment=environment)
    await eventually(lambda: STARTED in started.output(), within=40, what="penstock up to start")
    return started


async def _some_is_said(forge: Forge, more: int) -> None:
    enough = len(forge.ledger.entries()) + more
    await eventually(lambda: len(forge.ledger.entries()) >= enough, within=60, what="some to be said")


@pytest.mark.postgres
async def test_crashes_of_the_server_lose_no_webhook_that_was_taken_and_nothing_is_said_twice(
    tmp_path: Path, processes: Processes, sluggish: MortalPostgres
) -> None:
    dice, numbers = random.Random(7), list[int]()
    (ingest,) = free_ports(1)
    async with Forge(tmp_path / "forge", hook=Hook(f"http://127.0.0.1:{ingest}/webhooks/github", SECRET)) as forge:
        environment = _environment(tmp_path, sluggish, forge, ingest)
        repository = await forge.world.create_repository(example.NAME, example.BEFORE)
        running = await _up(processes, environment)
        for _ in range(CRASHES):
            for _ in range(PULLS):
                pull = await forge.world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)
                numbers.append(pull.number)
            await forge.hooks.idle()
            await _some_is_said(forge, dice.randrange(3 * PULLS))
            sluggish.server.kill()
            sluggish.server.start()
            assert await eventually(running.process.poll, within=40, what="it to end") == 1
            assert str(StoreRewound()) in running.output()
            running = await _up(processes, environment)

        over = "select count(*) from workflow.workflow_jobs where parent_id is null and finished_at is not null"
        await eventually(lambda: _rows(sluggish, over) == len(numbers), within=120, what="all runs to be over")
        running.end()

        opened = [each for each in forge.hooks.deliveries() if each.event == "pull_request"]
        assert [each.delivered for each in opened] == [True] * len(numbers)
        for number in numbers:
            assert len(forge.world.state.owned(Comment, (repository.id, number))) == 1
            assert len(forge.world.state.owned(Review, (repository.id, number))) == 1
