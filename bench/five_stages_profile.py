"""Where the time of the five stages on Kafka goes: a run alone, hop by hop, and the processors' time of every process.

Written to bench/profiles by `python -m bench.profiling five_stages_kafka`.
"""

import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from bench.five_stages_load import Turn
from bench.five_stages_ours import SERVICES
from bench.five_stages_sides import ours_on_kafka
from bench.setup import Ground, kafka

ALONE = 5
FLIGHT, SECONDS = 64, 8.0
_QUIET = ("relay.1.leased",)
"""Passed at every turn, whether there is anything or not."""


def five_stages_on_kafka(on: Ground) -> str:
    points = on.folder / "points"
    points.mkdir()
    with kafka(on) as address, ours_on_kafka(on, address, [[service] for service in SERVICES], points)() as do:
        do(Turn(_label(), flight=16, seconds=1.0))
        alone = [
            _alone(lambda: do(Turn(_label(), count=1, per_second=1000.0)).latencies[0], points) for _ in range(ALONE)
        ]
        alone.sort(key=lambda one: one[0])
        latency, lines = alone[ALONE // 2]
        before = _cpu()
        began = time.perf_counter()
        ran = do(Turn(_label(), flight=FLIGHT, seconds=SECONDS))
        took = time.perf_counter() - began
        spent = {name: used - before.get(name, 0.0) for name, used in _cpu().items()}
    low = f"A run alone, the middle one of {ALONE}: {latency * 1000:.0f} ms; milliseconds since it was asked for"
    runs = ran.rate * took
    cost = sorted(spent.items(), key=lambda item: -item[1])
    table = [f"{used / runs * 1000:8.2f}  {name}" for name, used in cost if used > 0.02 * took]
    high = f"{FLIGHT} under way: {ran.rate:.0f} runs a second, {statistics.median(ran.latencies) * 1000:.0f} ms each; "
    high += f"milliseconds of processor for each run, {sum(spent.values()) / runs * 1000:.1f} in all"
    return "\n".join([low, "", *lines, "", high, "", *table])


def _alone(run: Callable[[], float], points: Path) -> tuple[float, list[str]]:
    """What was passed while it ran."""
    began = time.monotonic()
    latency = run()
    ended = time.monotonic()
    passed = sorted(entry for entry in _entries(points) if began <= entry[0] <= ended)
    return latency, [f"{(at - began) * 1000:8.1f}  {where:13} {point}" for at, where, point in passed]


def _entries(points: Path) -> Iterator[tuple[float, str, str]]:
    for file in points.iterdir():
        for line in file.read_text().splitlines():
            at, point = line.split()
            if point not in _QUIET:
                yield float(at), file.name, point


def _cpu() -> Mapping[str, float]:
    """Seconds of processor so far of everything we started, by what it is."""
    found: dict[str, float] = defaultdict(float)
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            times, line = process.cpu_times(), process.cmdline()
        except psutil.NoSuchProcess:
            continue
        found[_name(line)] += times.user + times.system
    return found


def _name(line: list[str]) -> str:
    if "apart" in line:
        return line[line.index("apart") + 1]
    words = " ".join(line)
    return next((name for name in ("postgres", "kafka", "bench") if name in words), "others")


def _label() -> str:
    return uuid.uuid4().hex[:12]
