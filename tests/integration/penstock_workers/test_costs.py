"""What a model call costs when processes are killed around it, on a real database and with real processes."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from penstock_store.ports import Store
from penstock_store.postgres.store import PostgresStore
from tests.integration.penstock.chat_server import INPUT_TOKENS, OUTPUT_TOKENS, ChatServer, chat_server

ROOT = Path(__file__).parents[3]
KILLED = 137


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as told:
        yield told


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(postgres_database)
    yield opened
    await opened.close()


class Askers:
    """Each a process of its own."""

    def __init__(self, database: str, model: ChatServer) -> None:
        self._given = (database, model.url)

    async def one(self, point: str = "") -> tuple[int | None, str]:
        """Its exit code and what it printed."""
        process = await self._started(point)
        return await self._ended(process)

    async def together(self, number: int) -> list[tuple[int | None, str]]:
        """All of them start to handle at the same moment."""
        processes = [await self._started("together") for _ in range(number)]
        for process in processes:
            assert process.stdout is not None
            assert await asyncio.wait_for(process.stdout.readline(), 120) == b"ready\n"
        return list(await asyncio.gather(*(self._ended(process) for process in processes)))

    async def _started(self, point: str) -> Process:
        program = (sys.executable, "-m", "tests.integration.penstock_workers.asker", *self._given, point)
        return await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdin=PIPE, stdout=PIPE)

    async def _ended(self, process: Process) -> tuple[int | None, str]:
        out, _ = await asyncio.wait_for(process.communicate(b"\n"), 120)
        return process.returncode, out.decode().strip()


@pytest.fixture
def askers(postgres_database: str, model: ChatServer) -> Askers:
    return Askers(postgres_database, model)


async def test_killed_after_the_answer_and_before_the_commit_the_redelivery_asks_nobody(
    askers: Askers, model: ChatServer, store: Store
) -> None:
    assert (await askers.one("handled"))[0] == KILLED
    assert await askers.one() == (0, "0")

    assert len(model.prompts) == 1
    (spent,) = await store.spending.runs()
    assert (spent.calls, spent.unsettled, spent.spent.tokens) == (1, 0, INPUT_TOKENS + OUTPUT_TOKENS)


async def test_killed_before_it_was_settled_a_call_counts_with_all_that_was_reserved(
    askers: Askers, model: ChatServer, store: Store
) -> None:
    assert (await askers.one("asked"))[0] == KILLED
    (killed,) = await store.spending.runs()
    assert (killed.calls, killed.unsettled) == (1, 1)
    assert killed.spent.tokens > INPUT_TOKENS + OUTPUT_TOKENS

    assert await askers.one() == (0, "1")

    (spent,) = await store.spending.runs()
    assert (spent.calls, spent.unsettled) == (2, 1)
    assert spent.spent.tokens == killed.spent.tokens + INPUT_TOKENS + OUTPUT_TOKENS
    assert len(model.prompts) == 2, "the answer died with who had it"


async def test_the_same_request_in_several_processes_at_once_is_asked_once(
    askers: Askers, model: ChatServer, store: Store
) -> None:
    printed = await askers.together(3)
    assert sorted(printed) == [(0, "0"), (0, "0"), (0, "1")]
    assert len(model.prompts) == 1
    assert [row.calls for row in await store.spending.runs()] == [1]
