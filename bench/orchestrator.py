"""How many real events a second an orchestrator process applies, with PostgreSQL and Kafka on the same cores.

    python -m bench.orchestrator [--short]

The process is `penstock run orchestrator` with its default settings, on a durable PostgreSQL and a Kafka broker: it
consumes, decides, stores, and its relay publishes what follows. Beside it one that applies every event in a transaction
of its own (one_by_one.py). The events are those of whole runs, in the proportion in which a run has them: a webhook,
the reading, the pending comment, analysis, the reviews of the whole and of five batches of files, the review that was
posted. As many pull requests stand at each point of a run, so that all that waits in the topics can be applied in any
order between them. Time counts from the moment the process, which was stopped while its topics were filled, may go on,
until the last event is in the inbox; the first round warms up. Bounds: 2,500 events/s, one by one 1,000.
"""

import asyncio
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import psycopg

from bench.alternate import ROUNDS
from bench.figures import Figure, Side, alone
from bench.runs import delivered, waves, webhook
from bench.setup import PATIENCE, Ground, await_answer, end, ground, kafka
from penstock.local.ports import free_port
from penstock.local.process import ServerProcess
from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_eventlog.records import record_of
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER
from penstock_orchestrator.rules import Rules
from penstock_runtime.collecting import collect_rarely
from penstock_runtime.retry import STANDARD
from penstock_store.postgres import PostgresStore

BATCHES = 5
PULLS, SHORT_PULLS = 300, 100
"""Pull requests that stand at each point of a run."""
TOGETHER = 200
"""Events of the preparation that share a transaction."""
LOOK = 0.025
_ARRIVED = "select count(*) from workflow.inbox_messages"
_FOLDED = "select count(*) from workflow.facts"


@dataclass(frozen=True, slots=True)
class Way:
    """How a process applies, and what it is held to."""

    name: str
    command: tuple[str, ...]
    bound: float


WAYS = (
    Way("in batches, as it is by default", ("-m", "penstock.cli", "run", "orchestrator"), 2_500),
    Way("one by one", ("-m", "bench.one_by_one"), 1_000),
)


@dataclass(frozen=True, slots=True)
class Round:
    """What became of the events of one round."""

    events: int
    facts: int
    seconds: float
    published: float
    """Seconds until everything that followed was published."""
    used: dict[str, float]
    """Seconds of processor time meanwhile."""


class Rounds:
    """Fills the topics of a process and looks when it has applied what was there."""

    def __init__(self, store: PostgresStore, log: KafkaLog, watch: psycopg.AsyncConnection, on: Ground) -> None:
        self._store, self._watch, self._on = store, watch, on
        self._fold = OrchestratorFold(Rules(schedules=dict.fromkeys(Stage, STANDARD)))
        self._codec, self._producer = Codec(), log.producer()

    async def take(self, process: ServerProcess, label: str, pulls: int) -> Round:
        events = await self._prepared(label, pulls)
        await self._all_published()
        await self._watch.execute("truncate workflow.inbox_messages")  # counting stays cheap
        facts = await self._count(_FOLDED)
        process.send(signal.SIGSTOP)
        await self._producer.send([record_of(event, self._codec) for event in events])
        before, began = used(process), time.perf_counter()
        process.send(signal.SIGCONT)
        await self._reached(len(events))
        seconds, after = time.perf_counter() - began, used(process)
        await self._all_published()
        published = time.perf_counter() - began
        spent = {name: after[name] - before[name] for name in before}
        return Round(len(events), await self._count(_FOLDED) - facts, seconds, published, spent)

    async def close(self) -> None:
        await self._producer.close()

    async def _prepared(self, label: str, pulls: int) -> list[Event[Fact]]:
        """Brings pull requests to each point of a run, and gives what comes next for each."""
        waiting: list[Event[Fact]] = []
        points = len(waves(self._fold, webhook(label, 0), BATCHES))
        for point in range(points):
            runs = [waves(self._fold, webhook(f"{label}-{point}", one), BATCHES) for one in range(pulls)]
            for passed in range(point):
                heard = [delivered(event) for run in runs for event in run[passed]]
                for at in range(0, len(heard), TOGETHER):
                    await self._store.streams.apply(CONSUMER, heard[at : at + TOGETHER], self._fold)
            waiting += [event for run in runs for event in run[point]]
        return waiting

    async def _reached(self, count: int) -> None:
        deadline = time.perf_counter() + PATIENCE
        while (found := await self._count(_ARRIVED)) < count:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{found} of {count} events were applied in {PATIENCE:.0f} s")
            await asyncio.sleep(LOOK)

    async def _all_published(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self._store.outbox.backlog()).rows:
                await asyncio.sleep(LOOK)

    async def _count(self, statement: str) -> int:
        row = await (await self._watch.execute(statement.encode())).fetchone()
        assert row is not None
        return int(row[0])


def used(process: ServerProcess) -> dict[str, float]:
    """Seconds of processor time so far of the orchestrator and of the servers beside it."""
    found = dict.fromkeys(("orchestrator", "PostgreSQL", "Kafka"), 0.0)
    for each in psutil.Process().children(recursive=True):
        try:
            name, times = each.name(), each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if each.pid == process.pid:
            found["orchestrator"] += times.user + times.system
        elif name == "java":
            found["Kafka"] += times.user + times.system
        elif name == "postgres":
            found["PostgreSQL"] += times.user + times.system + times.children_user + times.children_system
    return found


@contextmanager
def started(on: Ground, address: KafkaAddress, way: Way) -> Iterator[ServerProcess]:
    port = free_port()
    told = {
        "PENSTOCK_DATABASE_URL": on.database_url,
        "PENSTOCK_KAFKA_BOOTSTRAP": address.bootstrap,
        "PENSTOCK_DATA_DIR": str(on.folder / "data"),
        "PENSTOCK_OPS_PORT": str(port),
    }
    process = on.start(f"orchestrator-{port}", *way.command, environment=told)
    try:
        await_answer(port, "/readyz")
        yield process
    finally:
        end(process)


async def measure(on: Ground, address: KafkaAddress, pulls: int, rounds: int) -> Iterator[Figure]:
    log, store = KafkaLog(address), await PostgresStore.open(on.database_url)
    await log.prepare()
    found = []
    async with await psycopg.AsyncConnection.connect(on.database_url, autocommit=True) as watch:
        turns = Rounds(store, log, watch, on)
        for number, way in enumerate(WAYS):
            with started(on, address, way) as process:
                taken = [await turns.take(process, f"w{number}r{turn}", pulls) for turn in range(rounds + 1)]
            found.append(figure(way, taken[1:]))
        await turns.close()
    await store.close()
    return iter(found)


def figure(way: Way, taken: Sequence[Round]) -> Figure:
    one = taken[0]
    spent = ", ".join(
        f"{name} {1000 * sum(each.used[name] for each in taken) / (one.events * len(taken)):.2f}" for name in one.used
    )
    behind = statistics.median(each.published - each.seconds for each in taken)
    beside = (
        f"{one.events} events of whole runs lead to {one.facts} facts, all published {behind:.1f} s after the last was "
        f"applied; milliseconds of processor time for each event: {spent}"
    )
    rates = tuple(each.events / each.seconds for each in taken)
    return Figure(f"orchestrator on Kafka: events {way.name}", rates, Side.AT_LEAST, way.bound, "/s", beside)


def main(short: bool) -> Sequence[Figure]:
    collect_rarely()  # as every service does
    with ground() as on, kafka(on) as address:
        pulls, rounds = (SHORT_PULLS, 3) if short else (PULLS, ROUNDS)
        return list(asyncio.run(measure(on, address, pulls, rounds)))


if __name__ == "__main__":
    sys.exit(alone(main))
