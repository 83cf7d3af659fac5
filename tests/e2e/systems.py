"""Penstock as a whole, three times: in memory, in one process on PostgreSQL, and as processes on Kafka."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from penstock.alone.bootstrap import builds
from penstock.local.fleet import Fleet
from penstock.local.ports import free_ports
from penstock.services import assemble_of
from penstock_console import bootstrap as console
from penstock_contracts.codec import Codec
from penstock_eventlog.kafka.config import KafkaAddress
from penstock_eventlog.kafka.log import KafkaLog
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.workbench import workbench
from penstock_ingest import bootstrap as ingest
from penstock_platforms.forge.hooks import Hook
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_runtime.process import Build, Context, Service
from penstock_runtime.service import run_together
from penstock_store.memory.store import MemoryStore
from tests.support.waiting import eventually

SECRET = "a-secret-for-tests"
WORKERS = ("orchestrator", "prepare", "ast", "llm-review", "commenter")


class System:
    """A running Penstock, its forge, and the address of its API."""

    def __init__(self, forge: Forge, console_url: str) -> None:
        self.forge = forge
        self.console_url = console_url

    async def jobs(self) -> list[dict[str, str]]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.console_url}/workflow-queue/jobs?type=CODE_REVIEW")
            return list(answer.raise_for_status().json()["jobs"])


@asynccontextmanager
async def in_memory(folder: Path) -> AsyncIterator[System]:
    async def build(context: Context) -> Service:
        codec = Codec()
        store = MemoryStore(context.clock, codec=codec)
        bench = workbench(context, store, MemoryLog(), codec)
        services = [await assemble_of(name)(context, bench) for name in WORKERS]
        services += [await server.assemble(context, store, codec) for server in (ingest, console)]
        return Service(
            machines=tuple(machine for service in services for machine in service.machines),
            servers=tuple(server for service in services for server in service.servers),
            close=(*(close for service in services for close in service.close), *bench.close),
        )

    async with _running(folder, {"all": build}, {}) as system:
        yield system


@asynccontextmanager
async def on_postgres(folder: Path, database_url: str) -> AsyncIterator[System]:
    async with _running(folder, builds(), {"PENSTOCK_DATABASE_URL": database_url}) as system:
        yield system


@asynccontextmanager
async def _running(folder: Path, built: Mapping[str, Build], more: Mapping[str, str]) -> AsyncIterator[System]:
    ingest_port, console_port = free_ports(2)
    hook = Hook(f"http://127.0.0.1:{ingest_port}/webhooks/github", SECRET)
    stopping = asyncio.Event()
    async with Forge(folder / "forge", hook=hook) as forge:
        environ = {
            **os.environ,
            "PENSTOCK_INGEST_PORT": str(ingest_port),
            "PENSTOCK_CONSOLE_PORT": str(console_port),
            "PENSTOCK_OPS_PORT": "off",
            "PENSTOCK_LOG_LEVEL": "warning",
            "PENSTOCK_DATA_DIR": str(folder / "data"),
            "PENSTOCK_GITHUB_URL": forge.api_url,
            "PENSTOCK_GITHUB_TOKEN": TOKEN,
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
            **more,
        }
        running = asyncio.create_task(run_together("story", built, environ, stopping))
        system = System(forge, f"http://127.0.0.1:{console_port}")
        try:

            async def answers() -> bool:
                return await _answers(system, running)

            await eventually(answers, within=20, what="the API to answer")
            yield system
        finally:
            stopping.set()
            assert await running == 0


async def _answers(system: System, running: "asyncio.Task[int]") -> bool:
    assert not running.done(), "it ended by itself"
    try:
        await system.jobs()
    except httpx.TransportError:
        return False
    return True


@asynccontextmanager
async def on_kafka(folder: Path, database_url: str, bootstrap: str, prefix: str) -> AsyncIterator[System]:
    """Every service its own process of the operating system."""
    log = KafkaLog(KafkaAddress(bootstrap, prefix))
    await log.prepare()
    await log.close()
    async with Forge(folder / "forge") as forge:
        fleet = Fleet(
            folder / "services",
            {
                "PENSTOCK_DATABASE_URL": database_url,
                "PENSTOCK_KAFKA_BOOTSTRAP": bootstrap,
                "PENSTOCK_TOPIC_PREFIX": prefix,
                "PENSTOCK_DATA_DIR": str(folder / "data"),
                "PENSTOCK_GITHUB_URL": forge.api_url,
                "PENSTOCK_GITHUB_TOKEN": TOKEN,
                "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
            },
        )
        forge.hooks.point_at(Hook(f"{fleet.ingest_url}/webhooks/github", SECRET))
        try:
            await asyncio.to_thread(fleet.start)
            yield System(forge, fleet.console_url)
        finally:
            await asyncio.to_thread(fleet.stop)
