"""How long runs stand still when the process that works on them is killed with -9, and what is lost or done twice.

    python -m bench.recovery [--short]

The workflow is that of five_stages.py, each stage takes 0.3 s, and 16 runs are under way. Ours: `penstock up` on the
PostgreSQL log with a standby; on Kafka two processes that each run every service. Nobody tells the other process: it
finds out by a lease or a session that ended. DBOS does not look for dead executors; that is Conductor's work, which
waits for 60 s by default and is not measured here. So it is told at once, with no time for finding out, in two ways:
its documented one, another process started under the dead one's executor id, and a living executor that is made to
recover. The four take turns. Times count from the kill to the moment the last interrupted run goes on. It is processes
that die here, not the server: what it has taken it keeps on either side, waited for or not (docs/adr/0038).
Bound: < 15 s, nothing lost.
"""

import asyncio
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench.alternate import ROUNDS
from bench.figures import Figure, Side, alone, left_out
from bench.five_stages_load import Turn
from bench.five_stages_ours import SERVICES, opened
from bench.five_stages_sides import database, executor, prepare_topics, start, tell
from bench.five_stages_work import STEPS, Entry, entries, times_done
from bench.setup import PATIENCE, Ground, end, ground, kafka
from penstock.local.errors import KafkaUnavailable
from penstock.local.process import ServerProcess
from penstock_contracts.codec import Codec
from penstock_eventlog.kafka import KafkaAddress
from penstock_eventlog.records import outbox_row_of
from penstock_store.migrations import upgrade
from penstock_store.postgres import PostgresStore

RUNS = 16
SECONDS = 0.3
BOUND = 15.0
_SECOND_STAGE = 4
"""Runs that have begun to be analysed when the process is killed."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the runs of one round."""

    went_on: float
    """Seconds from the kill until the last interrupted run went on."""
    ended: float
    lost: int
    """Steps that were never done."""
    twice: int
    """Steps that were done twice: killed between the work and its record."""
    again: int
    """Steps that were begun once more, because the kill cut them off."""


class Journal:
    """What the stages of one round write down."""

    def __init__(self, on: Ground) -> None:
        self.path = on.folder / f"journal-{uuid.uuid4().hex[:8]}"

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("--seconds", str(SECONDS), "--journal", str(self.path))

    def wait(self, ready: Callable[[Sequence[Entry]], bool]) -> Sequence[Entry]:
        deadline = time.monotonic() + PATIENCE
        while not ready(found := entries(self.path)):
            if time.monotonic() > deadline:
                return found
            time.sleep(0.01)
        return found

    def until_analysing(self) -> None:
        self.wait(lambda found: sum(one.what == "began" and one.step == "ast" for one in found) >= _SECOND_STAGE)

    def judge(self, killed: float) -> Recovered:
        """Waits for the end."""
        found = self.wait(lambda found: sum(one.what == "done" and one.step == "comment" for one in found) >= RUNS)
        done = times_done(list(found))
        over = {one.run for one in found if one.what == "done" and one.step == "comment" and one.at < killed}
        first: dict[str, float] = {}
        for one in found:
            if one.at >= killed and one.what == "began" and one.run not in over:
                first.setdefault(one.run, one.at - killed)
        begun = sum(one.what == "began" for one in found)
        twice = sum(times - 1 for times in done.values())
        return Recovered(
            went_on=max(first.values(), default=PATIENCE),
            ended=max(one.at for one in found) - killed,
            lost=RUNS * len(STEPS) - len(done),
            twice=twice,
            again=begun - len(done) - twice,
        )


def ours_on_postgres(on: Ground, turn: int) -> Recovered:
    url, journal = _fresh(on, f"recovery_on_postgres_{turn}"), Journal(on)
    first = start(on, url, "together", *journal.arguments)
    second = start(on, url, "together", *journal.arguments, until="/livez")
    return _killed(url, journal, first, second)


def ours_on_kafka(on: Ground, address: KafkaAddress, turn: int) -> Recovered:
    """Each round has topics of its own."""
    url, journal = _fresh(on, f"recovery_on_kafka_{turn}"), Journal(on)
    prefix = f"round-{turn}."
    prepare_topics(KafkaAddress(address.bootstrap, prefix))
    told = {"PENSTOCK_KAFKA_BOOTSTRAP": address.bootstrap, "PENSTOCK_TOPIC_PREFIX": prefix}
    first, second = (start(on, url, "apart", *SERVICES, *journal.arguments, environment=told) for _ in range(2))
    return _killed(url, journal, first, second)


def _fresh(on: Ground, name: str) -> str:
    url = database(on, name)
    upgrade(url)
    return url


def _killed(url: str, journal: Journal, first: ServerProcess, second: ServerProcess) -> Recovered:
    try:
        asyncio.run(_open_runs(url))
        journal.until_analysing()
        killed = time.monotonic()
        first.end()
        return journal.judge(killed)
    finally:
        end(first)
        end(second)


async def _open_runs(url: str) -> None:
    store, codec = await PostgresStore.open(url), Codec()
    for number in range(RUNS):
        event = opened(f"run-{number}")
        await store.receipts.receive(event.envelope.id, outbox_row_of(event, codec))
    await store.close()


def dbos_restarted(on: Ground, turn: int) -> Recovered:
    """Another process under the executor id of the dead one, started the moment it is dead."""
    url, journal = database(on, f"recovery_of_dbos_{turn}"), Journal(on)
    killed = _kill_dbos(url, journal)
    with executor(url, "one", *journal.arguments):
        return journal.judge(killed)


def dbos_told(on: Ground, turn: int) -> Recovered:
    """A living executor, told the moment the other one is dead."""
    url, journal = database(on, f"recovery_by_dbos_{turn}"), Journal(on)
    with executor(url, "two", "--stand-by-for", "one", *journal.arguments) as second:
        killed = _kill_dbos(url, journal)
        tell(second)
        return journal.judge(killed)


def _kill_dbos(url: str, journal: Journal) -> float:
    with executor(url, "one", *journal.arguments) as first:
        tell(first, Turn("run", count=RUNS, per_second=1000.0))
        journal.until_analysing()
        killed = time.monotonic()
        first.kill()
    return killed


def figures(name: str, ours: Sequence[Recovered], peers: str) -> Iterator[Figure]:
    went_on = tuple(one.went_on for one in ours)
    yield Figure(f"kill -9, {name}: all goes on after", went_on, Side.BELOW, BOUND, " s", f"{shown(ours)}; {peers}")
    most = max(one.lost for one in ours)
    yield Figure(f"kill -9, {name}: steps lost in the worst round", (float(most),), Side.BELOW, 1.0)


def shown(rounds: Sequence[Recovered]) -> str:
    def counted(numbers: Sequence[int]) -> str:
        return "/".join(map(str, numbers))

    return (
        f"all ended after {median(one.ended for one in rounds):.1f} s; of {RUNS * len(STEPS)} steps in each round "
        f"lost {counted([one.lost for one in rounds])}, done twice {counted([one.twice for one in rounds])}, "
        f"begun again {counted([one.again for one in rounds])}"
    )


def main(short: bool) -> Sequence[Figure]:
    with ground() as on, ExitStack() as stack:
        ways: dict[str, Callable[[int], Recovered]] = {
            "postgres": partial(ours_on_postgres, on),
            "restarted": partial(dbos_restarted, on),
            "told": partial(dbos_told, on),
        }
        missing = []
        try:
            ways["kafka"] = partial(ours_on_kafka, on, stack.enter_context(kafka(on)))
        except KafkaUnavailable as unavailable:
            missing.append(left_out("kill -9, Kafka, two processes", unavailable))
        rounds = [{name: way(turn) for name, way in ways.items()} for turn in range(1 if short else ROUNDS)]
        of = {name: [one[name] for one in rounds] for name in ways}
        peers = "; ".join(
            f"DBOS {how}, {median(one.went_on for one in of[name]):.1f} s: {shown(of[name])}"
            for how, name in (("started anew at once", "restarted"), ("told at once", "told"))
        )
        found = list(figures("PostgreSQL log with a standby", of["postgres"], peers))
        if "kafka" in of:
            found += figures("Kafka, two processes", of["kafka"], "DBOS as above")
        return found + missing


if __name__ == "__main__":
    sys.exit(alone(main))
