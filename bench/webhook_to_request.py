"""How long after a webhook was sent the first request of its run, prepare.requested, can be read from the log.

    python -m bench.webhook_to_request [--short]

On the PostgreSQL log with all services in one process, as `penstock up`, which waits for the disk at the webhook and
not after it (docs/adr/0038); and on Kafka with a process for each, where every commit is waited for. Webhooks arrive at
random moments, two a second, for pull requests that were reviewed before, so that every run is prepared and then ends.
Time counts from the moment a webhook was due to the moment a reader outside has its request.
Bound: p99 < 250 ms; its spread is that of the fifths of the run, each the longest of 40.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import psycopg
from confluent_kafka import Consumer, TopicPartition

from bench.bodies import SECRET, SignedBody, pushed, signed
from bench.every_service import RUNNING
from bench.figures import Figure, Side, alone, left_out, percentile, percentile_of_parts
from bench.generator import HOOKS, Connection, Phase, arrivals, head_of
from bench.setup import PATIENCE, Addresses, await_answer, end, ground
from penstock.local.cluster import Cluster
from penstock.local.errors import KafkaUnavailable
from penstock.local.forge import ForgeProcess
from penstock_contracts.envelope import from_headers
from penstock_contracts.flow import TOPICS
from penstock_eventlog.kafka import KafkaAddress
from penstock_store.postgres import PostgresStore
from penstock_store.rows import Place

P99_MS = 250.0
PER_SECOND = 2.0
PULLS = 10
REPOSITORY = "acme/shop"
(TOPIC,) = (topic for topic in TOPICS if topic.name == "prepare.requested")
TOKEN = "a-token-for-measuring"
_OPEN_JOBS = "select count(*) from workflow.workflow_jobs where finished_at is null"
_JOBS = "select count(*) from workflow.workflow_jobs where parent_id is null and finished_at is not null"


class Watch(Protocol):
    """A reader of prepare.requested outside of Penstock."""

    async def requested(self) -> Sequence[str]:
        """The deliveries that led to what is new since the last call; at once, or after a few milliseconds."""
        ...

    async def close(self) -> None: ...


class OnPostgres:
    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._places = {number: Place(TOPIC.name, number, 0) for number in range(TOPIC.partitions)}

    async def requested(self) -> Sequence[str]:
        rows = await self._store.log.read(tuple(self._places.values()), 100)
        for row in rows:
            self._places[row.partition] = Place(row.topic, row.partition, row.position + 1)
        if not rows:
            await asyncio.sleep(0.002)
        return [from_headers(row.headers).correlation_id for row in rows]

    async def close(self) -> None:
        await self._store.close()


class OnKafka:
    def __init__(self, address: KafkaAddress) -> None:
        self._consumer = Consumer(address.consumer("bench"))
        topic = address.on_wire(TOPIC.name)
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(TOPIC.partitions)])

    async def requested(self) -> Sequence[str]:
        messages = await asyncio.to_thread(self._consumer.consume, 100, 0.005)
        headers = [cast("Iterable[tuple[str, bytes | None]]", message.headers()) for message in messages]
        return [from_headers(one).correlation_id for one in headers]

    async def close(self) -> None:
        await asyncio.to_thread(self._consumer.close)


@dataclass(frozen=True, slots=True)
class System:
    """A running Penstock."""

    port: int
    secret: str
    forge: ForgeProcess
    database_url: str
    kafka: KafkaAddress | None = None

    async def watch(self) -> Watch:
        return OnKafka(self.kafka) if self.kafka else OnPostgres(await PostgresStore.open(self.database_url))


@contextmanager
def in_one_process() -> Iterator[System]:
    with ground() as on:
        addresses, forge = Addresses.free(), ForgeProcess(on.folder / "forge")
        forge.start(f"http://127.0.0.1:{addresses.webhooks}{HOOKS}", SECRET, TOKEN)
        given = {"PENSTOCK_GITHUB_URL": forge.api_url, "PENSTOCK_GITHUB_TOKEN": TOKEN}
        process = on.start("together", *RUNNING, environment=addresses.environment(on) | given)
        try:
            await_answer(addresses.webhooks, HOOKS)
            yield System(addresses.webhooks, SECRET, forge, on.database_url)
        finally:
            end(process)
            forge.stop()


@contextmanager
def in_processes() -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        cluster = Cluster(Path(name))
        try:
            cluster.up()
            port = int(cluster.fleet.ingest_url.rpartition(":")[2])
            secret = cluster.credentials.webhook_secret
            yield System(port, secret, cluster.forge, cluster.database_url, cluster.address)
        finally:
            cluster.down()
            cluster.postgres.remove()


def reviewed_pulls(system: System) -> Sequence[SignedBody]:
    """Opens pull requests, waits until all of them were reviewed, and says what GitHub would send after a push."""
    forge, chance = system.forge, random.Random(1)
    repository = forge.tell("POST", "/_forge/repositories", {"name": REPOSITORY, "files": {"shop.py": "TOTAL = 1\n"}})
    found = []
    for number in range(PULLS):
        told = {"title": f"Change {number}", "files": {f"part_{number}.py": f"PART = {number}\n"}}
        pull = forge.tell("POST", f"/_forge/repositories/{REPOSITORY}/pulls", told)
        found.append(signed(about(pushed(pull["number"], chance), repository, pull), system.secret))
    _await_rest(system.database_url)
    return found


def about(body: dict[str, Any], repository: Mapping[str, Any], pull: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {"id": repository["id"], "full_name": repository["full_name"]}
    head = {**body["pull_request"]["head"], "sha": pull["head"]["sha"]}
    return {
        **body,
        "repository": {**body["repository"], **known},
        "pull_request": {**body["pull_request"], "head": head},
    }


def _await_rest(database_url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(database_url, autocommit=True) as connection:
        while (rest := [connection.execute(one).fetchone() for one in (_OPEN_JOBS, _JOBS)]) != [(0,), (PULLS,)]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the pull requests were not reviewed: open jobs and runs that ended: {rest}")
            time.sleep(0.1)


async def measure(system: System, found: Sequence[SignedBody], phase: Phase) -> list[float]:
    """Milliseconds for each webhook."""
    watch = await system.watch()
    due: dict[str, float] = {}
    seen: dict[str, float] = {}

    async def watching() -> None:
        while len(due) < phase.count or due.keys() - seen.keys():
            for delivery in await watch.requested():
                seen.setdefault(delivery, time.perf_counter())

    watched = asyncio.create_task(watching())
    for turn, moment in enumerate(arrivals(time.perf_counter(), phase)):
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        chosen, delivery = found[turn % len(found)], f"measured-{turn}"
        due[delivery] = moment
        connection = await Connection.open(system.port)
        await connection.ask(head_of(chosen, delivery), chosen.body)
        connection.close()
    await asyncio.wait_for(watched, PATIENCE)
    await watch.close()
    return [(seen[delivery] - moment) * 1000 for delivery, moment in due.items()]


def figure(name: str, milliseconds: Sequence[float]) -> Figure:
    beside = (
        f"{len(milliseconds)} webhooks; median {statistics.median(milliseconds):.0f} ms, "
        f"longest {max(milliseconds):.0f} ms"
    )
    p99 = percentile(milliseconds, 0.99)
    parts = percentile_of_parts(milliseconds, 0.99)
    return Figure(f"webhook to prepare.requested, p99, {name}", (p99,), Side.BELOW, P99_MS, " ms", beside, parts)


def main(short: bool) -> Sequence[Figure]:
    phase = Phase(40 if short else 200, PER_SECOND)
    figures = []
    for name, setting in (("PostgreSQL log, one process", in_one_process), ("Kafka, processes", in_processes)):
        try:
            with setting() as system:
                found = reviewed_pulls(system)
                figures.append(figure(name, asyncio.run(measure(system, found, phase))))
        except KafkaUnavailable as unavailable:
            figures.append(left_out(f"webhook to prepare.requested, p99, {name}", unavailable))
    return figures


if __name__ == "__main__":
    sys.exit(alone(main))
