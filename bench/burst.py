"""A burst of 1,000 pull requests with 50 changed files each: nothing is lost, and memory does not grow with it.

    python -m bench.burst [--short | --pull-requests N]

Real services as processes on Kafka and a durable PostgreSQL, the bundled forge, repositories of its own that are
mirrored and diffed by git, and a model that answers at once with a finding in every file. The pull requests are there
before; then all webhooks arrive together. Resident memory of every process, with the children that stay, is looked at
once a second. Counted at the end: runs that were reviewed, and reviews at the forge. Growth is from the quarter of the
time to its end, each the median over a twentieth. Bounds: nothing lost, nothing said twice, growth < 10 %, all webhooks
taken within a minute. `--short` takes 20 pull requests; of fewer than 300 the growth says nothing and is left away.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from bench.figures import Figure, Side, printed
from bench.setup import await_answer
from penstock.local.cluster import Cluster
from penstock.local.ports import free_port
from penstock.local.process import Command, start_process

PULLS, SHORT_PULLS = 1_000, 20
ENOUGH = 300
"""Pull requests with which processes are at work long enough for their memory to say something."""
FILES = 50
REPOSITORIES = ("acme/shop", "acme/bank", "acme/post", "acme/port")
SERVICES = ("ingest", "orchestrator", "prepare", "ast", "llm-review", "commenter")
LIMIT = 1_800.0
"""Seconds in which everything is to be over; what is left then counts as lost."""
GROWTH, WEBHOOK_SECONDS = 10.0, 60.0
_OPENED_BESIDE = 4
_SETTLED = 10.0
"""Seconds after which a child counts."""
_BARS = "▁▂▃▄▅▆▇█"
_STATES = """
select outcome, count(*) from workflow.workflow_jobs
where parent_id is null group by outcome
"""
_OPEN = "select count(*) from workflow.workflow_jobs where parent_id is null and finished_at is not null"


@dataclass(frozen=True, slots=True)
class Burst:
    """What was seen."""

    pulls: int
    webhooks: float
    """Seconds until all webhooks were taken."""
    seconds: float
    """Until the last review."""
    outcomes: Mapping[str, int]
    reviews: Mapping[tuple[str, int], int]
    """At the forge, of each pull request."""
    memory: Mapping[str, Sequence[float]]
    """Megabytes, second by second."""
    processor: Mapping[str, float]
    """Seconds of each service in all."""

    @property
    def lost(self) -> int:
        return self.pulls - len(self.reviews)

    @property
    def twice(self) -> int:
        return sum(count - 1 for count in self.reviews.values())

    def growth(self, service: str) -> float:
        """Percent from the quarter to the end."""
        seen = self.memory[service]
        width = max(1, len(seen) // 20)
        quarter = len(seen) // 4
        before, after = statistics.median(seen[quarter : quarter + width]), statistics.median(seen[-width:])
        return 100 * (after - before) / before


class Memory:
    """Looks once a second, on a thread of its own, until told to stop."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids, self._stop = pids, threading.Event()
        self.seen: dict[str, list[float]] = {name: [] for name in pids}
        self._thread = threading.Thread(target=self._look, name="memory")

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for name, pid in self._pids.items():
                self.seen[name].append(resident(pid) / 1e6)
            self._stop.wait(1.0)


def family(pid: int) -> list[psutil.Process]:
    """A process and the children that stay; git, which comes and goes, is none."""
    process, settled = psutil.Process(pid), time.time() - _SETTLED
    return [process, *(child for child in process.children(recursive=True) if child.create_time() < settled)]


def resident(pid: int) -> int:
    """Pages that processes share count for each."""
    found = 0
    for each in family(pid):
        with suppress(psutil.NoSuchProcess):
            found += int(each.memory_info().rss)
    return found


def processor(pid: int) -> float:
    """Seconds used so far, by children that ended as well."""
    found = 0.0
    for each in family(pid):
        with suppress(psutil.NoSuchProcess):
            used = each.cpu_times()
            found += used.user + used.system + used.children_user + used.children_system
    return found


@contextmanager
def running() -> Iterator[Cluster]:
    """Servers, forge and model; services are started when the pull requests are there."""
    port = free_port()
    told = {
        "PENSTOCK_LLM_URL": f"http://127.0.0.1:{port}/v1",
        "PENSTOCK_LLM_MODEL": "nobody",
        "PENSTOCK_LOG_LEVEL": "warning",
    }
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as name:
        cluster = Cluster(Path(name), environment=told)
        environment = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
        command = [sys.executable, "-m", "bench.ready_model", "--port", str(port)]
        model = start_process(Command(command, Path(name) / "model.log", environment=environment))
        try:
            cluster.start_servers()
            cluster.start_forge()
            await_answer(port, "/livez")
            yield cluster
        finally:
            cluster.down()
            model.end()
            cluster.postgres.remove()


def open_pulls(cluster: Cluster, count: int) -> None:
    """Nobody hears of them yet: ingest does not run, and the forge sends a webhook once."""
    for name in REPOSITORIES:
        told = {"name": name, "files": {path(index): module(index, 0) for index in range(FILES)}}
        cluster.forge.tell("POST", "/_forge/repositories", told)

    def one(number: int) -> None:
        files = {path(index): module(index, number + 1) for index in range(FILES)}
        here = f"/_forge/repositories/{REPOSITORIES[number % len(REPOSITORIES)]}/pulls"
        cluster.forge.tell("POST", here, {"title": f"Change {number}", "files": files})

    with ThreadPoolExecutor(_OPENED_BESIDE) as threads:
        list(threads.map(one, range(count)))


def path(index: int) -> str:
    return f"package_{index % 5}/module_{index}.py"


def module(index: int, version: int) -> str:
    """About sixty lines, of which a pull request changes two places; no two change them in the same way."""
    parts = [
        f"def weigh_{number}(first, second):\n"
        f"    total = first + {number + (version if number in (1, 6) else 0)}\n"
        f"    for each in range(10):\n        total += each * second\n    return total\n"
        for number in range(9)
    ]
    return f'"""Module {index}."""\n\n\n' + "\n\n".join(parts)


def measure(cluster: Cluster, pulls: int) -> Burst:
    cluster.fleet.start(*SERVICES)
    fleet = cluster.fleet
    pids = {name: pid for name in SERVICES if (pid := fleet.pid(name)) is not None}
    with Memory(pids) as memory:
        began = time.monotonic()
        cluster.forge.tell("POST", "/_forge/deliveries/attempts")
        webhooks = _await_webhooks(cluster, began)
        seconds = _await_runs(cluster, pulls, began)
    used = {name: processor(pid) for name, pid in pids.items()}
    return Burst(pulls, webhooks, seconds, _outcomes(cluster), _reviews(cluster), memory.seen, used)


def _await_webhooks(cluster: Cluster, began: float) -> float:
    deadline = began + LIMIT
    while any(not 200 <= (each["status_code"] or 0) < 300 for each in cluster.forge.tell("GET", "/_forge/deliveries")):
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return time.monotonic() - began


def _await_runs(cluster: Cluster, pulls: int, began: float) -> float:
    told = 0
    with psycopg.connect(cluster.database_url, autocommit=True) as connection:
        while (row := connection.execute(_OPEN).fetchone()) and row[0] < pulls:
            elapsed = time.monotonic() - began
            if elapsed > LIMIT:
                break
            if elapsed - told > 30:
                told = int(elapsed)
                print(f"  burst: {row[0]} of {pulls} reviewed after {told} s", file=sys.stderr, flush=True)
            time.sleep(0.5)
    return time.monotonic() - began


def _outcomes(cluster: Cluster) -> Mapping[str, int]:
    with psycopg.connect(cluster.database_url) as connection:
        return {str(outcome or "open"): int(count) for outcome, count in connection.execute(_STATES).fetchall()}


def _reviews(cluster: Cluster) -> Mapping[tuple[str, int], int]:
    landed = [
        each
        for each in cluster.forge.tell("GET", "/_forge/ledger?kind=review.submitted")
        if 200 <= each["status"] < 300
    ]
    return Counter((each["repository"], each["pull_request"]) for each in landed)


def figures(burst: Burst) -> Iterator[Figure]:
    what = f"burst of {burst.pulls:,} pull requests of {FILES} files"
    rate = f"{sum(burst.reviews.values())} reviews in {burst.seconds:.0f} s, {len(burst.reviews) / burst.seconds:.2f}/s"
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(burst.outcomes.items()))
    used = ", ".join(f"{name} {1000 * seconds / burst.pulls:.0f}" for name, seconds in burst.processor.items())
    beside = f"{rate}; {outcomes}; milliseconds of processor time for each: {used}"
    yield Figure(f"{what}: lost", (float(burst.lost),), Side.BELOW, 1.0, beside=beside)
    yield Figure(f"{what}: said twice", (float(burst.twice),), Side.BELOW, 1.0)
    yield Figure(f"{what}: all webhooks taken after", (burst.webhooks,), Side.BELOW, WEBHOOK_SECONDS, " s")
    if burst.pulls < ENOUGH:
        return
    growths = tuple(burst.growth(service) for service in SERVICES)
    worst = max(growths)
    shown = "; ".join(
        f"{service} {drawn(burst.memory[service])} {growth:+.0f} %"
        for service, growth in zip(SERVICES, growths, strict=True)
    )
    yield Figure(f"{what}: memory grows from a quarter to the end", (worst,), Side.BELOW, GROWTH, " %", beside=shown)


def drawn(seen: Sequence[float], width: int = 20) -> str:
    """Least and most, and its course between them."""
    low, high = min(seen), max(seen)
    step = max(1.0, len(seen) / width)
    picked = [seen[int(number * step)] for number in range(int(len(seen) / step))]
    scale = (len(_BARS) - 1) / ((high - low) or 1.0)
    return f"{low:.0f} to {high:.0f} MB " + "".join(_BARS[round((each - low) * scale)] for each in picked)


def main(short: bool) -> Sequence[Figure]:
    return taken(SHORT_PULLS if short else PULLS)


def taken(pulls: int) -> Sequence[Figure]:
    with running() as cluster:
        open_pulls(cluster, pulls)
        return tuple(figures(measure(cluster, pulls)))


def asked_for(arguments: Sequence[str] | None = None) -> int:
    """How many pull requests."""
    parser = argparse.ArgumentParser(prog="python -m bench.burst", description=__doc__)
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--short", action="store_true", help=f"{SHORT_PULLS} pull requests")
    how_many.add_argument("--pull-requests", type=int, default=PULLS, metavar="N", help=f"instead of {PULLS:,}")
    given = parser.parse_args(arguments)
    if given.pull_requests < 1:
        parser.error("--pull-requests has to be at least 1")
    return SHORT_PULLS if given.short else int(given.pull_requests)


if __name__ == "__main__":
    sys.exit(printed(taken(asked_for())))
