"""Kafka or PostgreSQL is away for a while: what was accepted is finished afterwards, and each review is said once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from penstock.local.fleet import Fleet
from penstock.local.postgres import EmbeddedPostgres
from penstock.services import BOOTSTRAPS
from penstock_platforms.forge.hooks import Delivery, Hook
from tests.support.kafka import KafkaForTest, MortalKafka
from tests.support.postgres import MortalPostgres
from tests.support.processes import Processes
from tests.support.waiting import eventually
from tests.trouble.page import quoted
from tests.trouble.stage import SECRET, Stage, stage

RUN_DEADLINE = 12.0
"""Seconds after which a review goes without what is missing."""


@pytest.mark.parametrize("seconds", [15.0, pytest.param(60.0, marks=pytest.mark.chaos)])
async def test_without_kafka_webhooks_are_accepted_and_timers_kept_and_everything_is_finished_afterwards(
    seconds: float, tmp_path: Path, processes: Processes, postgres_database: str, mortal_kafka: MortalKafka
) -> None:
    deadline = {"PENSTOCK_RUN_DEADLINE": f"{RUN_DEADLINE}s"}
    kafka = mortal_kafka.cluster
    async with (
        stage(tmp_path, processes, postgres_database, mortal_kafka.bootstrap, mortal_kafka.prefix, **deadline) as place,
        running(place, tmp_path, without="ast") as fleet,
    ):
        repository = await place.repository()
        await place.pull_request(repository)
        await eventually(lambda: facts(place, "ast.requested"), within=20, what="the analysis to be asked for")

        await asyncio.to_thread(kafka.kill)
        until = time.monotonic() + seconds
        await place.pull_request(repository)
        await place.forge.hooks.idle()
        assert [delivery.attempts for delivery in place.forge.hooks.deliveries()] == [[202], [202]]
        await eventually(lambda: facts(place, "stage.released"), within=2 * RUN_DEADLINE, what="the wait to end")
        await eventually(
            lambda: facts(place, "stage.given_up"), within=2 * RUN_DEADLINE, what="the deadline to be kept"
        )
        why = await eventually(lambda: unready(fleet, "orchestrator", "log"), what="readiness to name the log")
        assert quoted(why)
        await eventually(lambda: unsent_for(fleet), within=20, what="the metric to tell since when facts wait")
        await eventually(lambda: time.monotonic() > until, within=seconds + 1)
        assert all(fleet.running(service) for service in BOOTSTRAPS if service != "ast")

        fleet.start("ast", wait=False)
        await asyncio.to_thread(kafka.start)
        over = await place.over(runs=2)
        assert {one["status"] for one in over} == {"COMPLETED"}
        assert [len(place.summaries(number)) for number in (1, 2)] == [1, 1]
        assert place.reviews() <= 1
        assert not await place.dead_letters()


@pytest.mark.parametrize("how", [EmbeddedPostgres.kill, EmbeddedPostgres.stop])
async def test_without_postgres_webhooks_are_refused_for_now_and_everything_is_finished_afterwards(
    how: Callable[[EmbeddedPostgres], None],
    tmp_path: Path,
    processes: Processes,
    mortal_postgres: MortalPostgres,
    kafka: KafkaForTest,
) -> None:
    async with (
        stage(tmp_path, processes, mortal_postgres.url, kafka.bootstrap, kafka.prefix) as place,
        running(place, tmp_path) as fleet,
    ):
        pids = {service: fleet.pid(service) for service in fleet.services}
        repository = await place.repository()
        await place.pull_request(repository)
        await eventually(place.runs, within=20, what="the run to be opened")

        await asyncio.to_thread(how, mortal_postgres.server)
        await place.pull_request(repository)
        await place.forge.hooks.idle()
        first, second = place.forge.hooks.deliveries()
        assert (first.attempts, second.attempts) == ([202], [503])
        refused = await sent(place, second)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        assert quoted(refused.json()["reason"])
        for service in ("ingest", "orchestrator", "commenter"):
            await eventually(partial(unready, fleet, service, "database"), what=f"{service} to say so")

        await asyncio.to_thread(mortal_postgres.server.start)

        async def accepted() -> bool:
            return (await sent(place, second)).status_code == 202

        await eventually(accepted, within=20, what="the webhook to be accepted")
        await eventually(place.answers, within=20, what="the API to answer again")
        over = await place.over(runs=2)
        assert [one["outcome"] for one in over] == ["reviewed", "reviewed"]
        assert place.reviews() == 2
        assert {service: fleet.pid(service) for service in fleet.services} == pids


@asynccontextmanager
async def running(place: Stage, folder: Path, without: str = "") -> AsyncIterator[Fleet]:
    fleet = Fleet(folder / "services", place.environment)
    try:
        await asyncio.to_thread(fleet.start, *(service for service in fleet.services if service != without))
        yield fleet
    finally:
        await asyncio.to_thread(fleet.stop)


def facts(place: Stage, kind: str) -> int:
    ((number,),) = place.rows(f"select count(*) from workflow.facts where type = '{kind}'")
    return int(number)


async def unready(fleet: Fleet, service: str, dependency: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{fleet.operations_url(service)}/readyz")
    found = answer.json().get("dependencies", {}).get(dependency, {})
    return str(found.get("reason", "")) if answer.status_code == 503 else ""


async def unsent_for(fleet: Fleet) -> bool:
    """Longer than any pause between two looks of a relay that publishes."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{fleet.operations_url('orchestrator')}/metrics")
    (line,) = (line for line in answer.text.splitlines() if line.startswith("outbox_oldest_age_seconds "))
    return float(line.split()[1]) > 10


async def sent(place: Stage, delivery: Delivery) -> httpx.Response:
    port = place.environment["PENSTOCK_INGEST_PORT"]
    hook = Hook(f"http://127.0.0.1:{port}/webhooks/github", SECRET)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.send(place.forge.hooks.request(delivery, hook))
