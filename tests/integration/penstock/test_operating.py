"""The commands of operators as people run them: as processes, on a real PostgreSQL and a real Kafka."""

import asyncio
import os
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
import pytest

from penstock.commands.up import database_of
from penstock.demo import example
from penstock_contracts.enums import Stage
from penstock_contracts.flow import TOPICS
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_runtime.retry import STANDARD
from penstock_store.migrations import check
from penstock_store.postgres.store import PostgresStore
from penstock_store.rows import DeadLetterRow
from tests.e2e.systems import on_postgres
from tests.support.kafka import KafkaForTest
from tests.support.toy_fold import received
from tests.support.waiting import eventually

RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
STREAM = "toy:host:1:7"
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


async def penstock(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Without the caller's own settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")} | variables
    command = [sys.executable, "-m", "penstock.cli", *words]
    return await asyncio.to_thread(subprocess.run, command, env=environ, capture_output=True, text=True, timeout=60)


async def stalled_letter(url: str) -> DeadLetterRow:
    """Of a run that stalled because its event could not be applied."""
    store = await PostgresStore.open(url)
    try:
        await store.streams.stall("orchestrator", received("e-1"), OrchestratorFold(RULES), "it broke", "repair it")
        (letter,) = await store.dead_letters.letters()
        return letter
    finally:
        await store.close()


async def test_an_empty_database_is_refused_upgraded_and_then_good(empty_database: str) -> None:
    before = await penstock("db", "check", PENSTOCK_DATABASE_URL=empty_database)
    assert before.returncode == 1
    assert "penstock db upgrade" in before.stderr
    for said in ("they were not there", "tables are at "):
        upgraded = await penstock("db", "upgrade", PENSTOCK_DATABASE_URL=empty_database)
        assert (upgraded.returncode, upgraded.stderr) == (0, "")
        assert said in upgraded.stdout
    assert (await penstock("db", "check", PENSTOCK_DATABASE_URL=empty_database)).returncode == 0


async def test_a_fact_that_is_missing_is_found_by_refold(postgres_database: str) -> None:
    await stalled_letter(postgres_database)
    with psycopg.connect(postgres_database) as connection:
        connection.execute("delete from workflow.facts")
    refolded = await penstock("db", "refold", "--stream", STREAM, PENSTOCK_DATABASE_URL=postgres_database)
    assert refolded.returncode == 1
    assert refolded.stdout.startswith(f"{STREAM}: facts 1 to 1 were expected")


@pytest.mark.parametrize("words", [("db", "check"), ("db", "upgrade"), ("db", "refold")])
async def test_a_database_that_does_not_answer_is_told_without_a_trace(words: tuple[str, ...]) -> None:
    ended = await penstock(*words, PENSTOCK_DATABASE_URL=NOBODY)
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"penstock {words[0]}: ")
    assert "Traceback" not in ended.stderr


def test_up_keeps_to_the_database_that_it_is_given(empty_database: str, tmp_path: Path) -> None:
    given = tmp_path / "address"
    given.write_text(empty_database)
    with ExitStack() as stack:
        assert database_of({"PENSTOCK_DATABASE_URL_FILE": str(given)}, stack) == empty_database
    check(empty_database)


@pytest.mark.postgres
async def test_without_an_address_the_embedded_database_is_used(tmp_path: Path) -> None:
    from penstock.local.postgres import Durability, EmbeddedPostgres

    server = EmbeddedPostgres(tmp_path / "postgres", Durability.PROCESS_CRASH)
    try:
        await asyncio.to_thread(server.start)
        upgraded = await penstock("db", "upgrade", PENSTOCK_DATA_DIR=str(tmp_path))
        assert (upgraded.returncode, upgraded.stderr) == (0, "")
        assert server.running()
        server.stop()
        checked = await penstock("db", "check", PENSTOCK_DATA_DIR=str(tmp_path))
        assert (checked.returncode, checked.stderr) == (0, "")
        assert not server.running()
    finally:
        server.remove()


async def test_a_review_is_looked_at_and_asked_for_again(postgres_database: str, tmp_path: Path) -> None:
    async with on_postgres(tmp_path, postgres_database) as system:
        world = system.forge.world
        repository = await world.create_repository(example.NAME, example.BEFORE)
        await world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)
        where = {"PENSTOCK_CONSOLE_URL": system.console_url}

        async def over(number: int) -> list[dict[str, str]]:
            jobs = await system.jobs()
            return jobs if len(jobs) == number and all(job["finished_at"] for job in jobs) else []

        (job,) = await eventually(partial(over, 1), within=60, what="the review")
        listed = await penstock("jobs", "--repository", example.NAME, "--since", "1h", **where)
        assert listed.stdout.splitlines()[1].split()[:3] == [job["id"], "COMPLETED", "reviewed"]
        shown = await penstock("jobs", job["id"], **where)
        attempts = [line.split()[0] for line in shown.stdout.splitlines() if " answered " in line]
        assert set(attempts) == {"prepare", "ast", "pr_review", "files_review", "comments"}
        refused = await penstock("jobs", "cancel", job["id"], **where)
        assert (refused.returncode, "replay" in refused.stderr) == (1, True)
        asked = await penstock("jobs", "replay", job["id"], "--reason", "once more", **where)
        assert (asked.returncode, asked.stdout.split()[:3]) == (0, ["asked", "to", "replay"])
        await eventually(partial(over, 2), within=60, what="the review asked for again")


async def test_a_stalled_event_is_looked_at_and_redriven_through_the_one_process(
    postgres_database: str, tmp_path: Path
) -> None:
    async with on_postgres(tmp_path, postgres_database) as system:
        letter, where = await stalled_letter(postgres_database), {"PENSTOCK_CONSOLE_URL": system.console_url}
        assert letter.id in (await penstock("dlq", "ls", **where)).stdout
        assert "repair it" in (await penstock("dlq", "show", letter.id, **where)).stdout
        redriven = await penstock("dlq", "redrive", letter.id, **where)
        assert (redriven.returncode, redriven.stdout) == (0, f"{letter.id}  applied to {STREAM}\n")
        assert (await penstock("dlq", "ls", **where)).stdout == "no dead letters\n"
        again = await penstock("dlq", "redrive", letter.id, **where)
        assert (again.returncode, "redriven by nobody" in again.stdout) == (1, True)
    refolded = await penstock("db", "refold", PENSTOCK_DATABASE_URL=postgres_database)
    assert (refolded.returncode, refolded.stdout.split()[0]) == (0, "1")


async def test_topics_are_created_once(kafka: KafkaForTest) -> None:
    variables = {"PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap, "PENSTOCK_TOPIC_PREFIX": kafka.prefix}
    for news in ("created", "there"):
        ended = await penstock("topics", **variables)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert [line.split()[0] for line in ended.stdout.splitlines()] == [news] * len(TOPICS)
    assert kafka.topic("pr.received") in ended.stdout


async def test_brokers_that_do_not_answer_are_told_without_a_trace() -> None:
    ended = await penstock("topics", PENSTOCK_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert ended.returncode == 3
    waiting, told = ended.stderr.splitlines()
    assert waiting == "waiting for Kafka at 127.0.0.1:1"
    assert told.startswith("penstock topics: Kafka does not answer at 127.0.0.1:1 (")
    assert "PENSTOCK_KAFKA_BOOTSTRAP" in told


@pytest.mark.parametrize("words", [("db", "check"), ("db", "upgrade"), ("db", "refold")])
async def test_a_database_that_refuses_the_password_names_the_variable_with_it(
    words: tuple[str, ...], postgres_database: str
) -> None:
    stranger = f"postgresql://nobody:wrong@{postgres_database.partition('@')[2]}"
    ended = await penstock(*words, PENSTOCK_DATABASE_URL=stranger)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "the database refuses these credentials, check PENSTOCK_DATABASE_URL" in line


@pytest.mark.parametrize("words", [("db", "check"), ("db", "refold")])
async def test_a_database_that_is_not_there_has_to_be_created_first(
    words: tuple[str, ...], postgres_database: str
) -> None:
    ended = await penstock(*words, PENSTOCK_DATABASE_URL=f"{postgres_database}_nowhere")
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, "create it, or name another in PENSTOCK_DATABASE_URL" in line) == (3, True)
