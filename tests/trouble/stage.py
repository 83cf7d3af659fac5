"""A Penstock on PostgreSQL and Kafka of which single services are left to the test: to break, to kill, to come late."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from penstock.demo import example
from penstock.local.ports import free_ports
from penstock.services import BOOTSTRAPS, build_of
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_eventlog.kafka.log import KafkaLog
from penstock_platforms.forge.hooks import Hook
from penstock_platforms.forge.model import Comment, Pull, Repository
from penstock_platforms.forge.server import BOT, TOKEN, Forge
from penstock_runtime.service import run_together
from tests.support.processes import Processes, StartedProcess
from tests.support.waiting import eventually

DOUBLES = "tests.trouble.doubles"
SECRET = "a-secret-for-tests"
NEW_TOKEN = "forge-token-of-today"
"""Of the same account as TOKEN, for which it may be exchanged."""
QUICK = {
    "PENSTOCK_RETRY_AST": "standard,base=0.1,cap=0.2",
    "PENSTOCK_RETRY_COMMENTS": "standard,base=0.1,cap=0.2,attempts=2",
    "PENSTOCK_RETRY_PREPARE": "standard,base=0.1,cap=0.2",
    "PENSTOCK_LOG_FORMAT": "json",
}
"""What follows from a failure does not depend on how long one waits after it."""
SHORT_SESSIONS = "session.timeout.ms=1500\nheartbeat.interval.ms=300\n"
"""A dead member is replaced after 1.5 s instead of 6."""


@dataclass(frozen=True, slots=True)
class Stage:
    forge: Forge
    environment: Mapping[str, str]
    """What every process of this Penstock is told."""
    processes: Processes

    @property
    def console_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['PENSTOCK_CONSOLE_PORT']}"

    @property
    def database_url(self) -> str:
        return self.environment["PENSTOCK_DATABASE_URL"]

    def start(self, *command: str, **more: str) -> StartedProcess:
        """A process of this Penstock with an operations port of its own (PENSTOCK_OPS_PORT)."""
        (port,) = free_ports(1)
        environment = {**self.environment, "PENSTOCK_OPS_PORT": str(port), **more}
        return self.processes.start("python", "-m", *command, environment=environment)

    async def repository(self) -> Repository:
        return await self.forge.world.create_repository(example.NAME, example.BEFORE)

    async def pull_request(self, repository: Repository) -> Pull:
        return await self.forge.world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)

    async def get(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.console_url}/workflow-queue/{path}")
            return dict(answer.raise_for_status().json())

    async def answers(self) -> bool:
        """Whether the API answers, with its database."""
        try:
            await self.runs()
        except httpx.HTTPError:
            return False
        return True

    async def runs(self) -> Sequence[dict[str, Any]]:
        return list((await self.get("jobs?type=CODE_REVIEW"))["jobs"])

    async def history(self, run: Mapping[str, Any], stage: str) -> Sequence[dict[str, Any]]:
        rows = (await self.get(f"jobs/{run['id']}/history"))["history"]
        return [row for row in rows if row["stage"] == stage]

    async def over(self, runs: int = 1, within: float = 40.0) -> Sequence[dict[str, Any]]:
        async def all_over() -> Sequence[dict[str, Any]]:
            found = await self.runs()
            return found if len(found) == runs and all(run["finished_at"] for run in found) else ()

        return await eventually(all_over, within, what=f"{runs} runs to be over")

    async def dead_letters(self) -> Sequence[dict[str, Any]]:
        return list((await self.get("dead-letters"))["dead_letters"])

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def summaries(self, number: int) -> Sequence[str]:
        """The comments of a pull request, but for those on its lines."""
        (repository,) = self.forge.world.state.repositories()
        return [comment.body for comment in self.forge.world.state.owned(Comment, (repository.id, number))]

    def summary(self) -> str:
        """Of the only pull request, on which only one comment stands."""
        (summary,) = self.summaries(1)
        return summary

    def reviews(self) -> int:
        return sum(entry.landed and entry.kind == "review.submitted" for entry in self.forge.ledger.entries())


async def prepare_topics(bootstrap: str, prefix: str) -> None:
    log = KafkaLog(KafkaAddress(bootstrap, prefix))
    await log.prepare()
    await log.close()


@asynccontextmanager
async def stage(
    folder: Path, processes: Processes, database_url: str, bootstrap: str, prefix: str, **more: str
) -> AsyncIterator[Stage]:
    """Nothing runs on it yet but the forge."""
    await prepare_topics(bootstrap, prefix)
    properties = folder / "kafka.properties"
    properties.write_text(SHORT_SESSIONS)
    ingest, console = free_ports(2)
    hook = Hook(f"http://127.0.0.1:{ingest}/webhooks/github", SECRET)
    async with Forge(folder / "forge", hook=hook, tokens={TOKEN: BOT, NEW_TOKEN: BOT}) as forge:
        environment = {
            "PENSTOCK_DATABASE_URL": database_url,
            "PENSTOCK_KAFKA_BOOTSTRAP": bootstrap,
            "PENSTOCK_KAFKA_CONFIG": str(properties),
            "PENSTOCK_TOPIC_PREFIX": prefix,
            "PENSTOCK_DATA_DIR": str(folder / "data"),
            "PENSTOCK_INGEST_PORT": str(ingest),
            "PENSTOCK_CONSOLE_PORT": str(console),
            "PENSTOCK_GITHUB_URL": forge.api_url,
            "PENSTOCK_GITHUB_TOKEN": TOKEN,
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
            **QUICK,
            **more,
        }
        yield Stage(forge, environment, processes)


@asynccontextmanager
async def all_but(place: Stage, *missing: str) -> AsyncIterator[None]:
    """Runs the other services, each on its own connections as if it were alone, in this process."""
    builds = {name: build_of(name) for name in BOOTSTRAPS if name not in missing}
    environ = {**os.environ, **place.environment, "PENSTOCK_OPS_PORT": "off", "PENSTOCK_LOG_LEVEL": "warning"}
    stopping = asyncio.Event()
    running = asyncio.create_task(run_together("the others", builds, environ, stopping))
    try:

        async def answers() -> bool:
            assert not running.done(), "it ended by itself"
            return await place.answers()

        await eventually(answers, within=20, what="the API to answer")
        yield
    finally:
        stopping.set()
        assert await running == 0


async def ended(process: StartedProcess, within: float = 20.0) -> int:
    """Its exit status; other parts of the stage go on meanwhile."""
    return await asyncio.to_thread(process.wait, within)


async def started(process: StartedProcess, within: float = 20.0) -> None:
    await asyncio.to_thread(process.wait_for_output, '"started"', within)
