"""Measures every figure, prints them as one table and writes it to bench/results.md.

    python -m bench [--short] [--long] [NAME...]

Each file runs in a process of its own. The exit status says whether every figure was taken and its bound holds; results
are written only where none was left out.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import psutil

from bench.figures import Figure, measured_by

FILES = (
    "codec",
    "apply",
    "orchestrator",
    "state_encoding",
    "loop",
    "relay",
    "webhook",
    "ingest_start",
    "webhook_to_request",
    "fan_out",
    "review",
    "connections",
    "five_stages",
    "recovery",
)
LONG = ("growth", "burst")
"""Each takes ten minutes and more: a run of their own, with results of its own."""
RESULTS, RESULTS_LONG = Path(__file__).with_name("results.md"), Path(__file__).with_name("results_long.md")
_HEAD = """\
# Figures

Written by `{command}`; do not edit. Each figure is measured against a peer or a bound in one run, see the file that
its command names. Ratios are medians over alternating rounds; spread is the least and the most of the
rounds, or of the fifths of the one run that a percentile is taken of.
"""
Measured = Sequence[tuple[str, Figure]]
"""Figures, each with the name of the file it comes from."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds; writes no results")
    parser.add_argument("--long", action="store_true", help=f"those that take long: {', '.join(LONG)}")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these files: {', '.join(FILES + LONG)}")
    chosen = parser.parse_args(arguments)
    every, results = (LONG, RESULTS_LONG) if chosen.long else (FILES, RESULTS)
    names = chosen.names or every
    if unknown := set(names) - set(FILES + LONG):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    measured = tuple(_all(names, short=chosen.short))
    print("\n" + table(measured))
    left = [figure.name for _, figure in measured if not figure.measured]
    if left:
        print(f"NO RESULTS ARE WRITTEN: not everything was measured: {'; '.join(left)}", file=sys.stderr)
    elif not chosen.short and names == every:
        results.write_text(page(measured, "python -m bench --long" if chosen.long else "make bench"))
    return 0 if all(figure.holds for _, figure in measured) else 1


def _all(names: Sequence[str], *, short: bool) -> Iterator[tuple[str, Figure]]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for name in names:
            began = time.monotonic()
            for figure in processes.submit(measured_by, name, short).result():
                print(figure.line(), flush=True)
                yield name, figure
            print(f"  ({name}: {time.monotonic() - began:.0f} s)", flush=True)


def table(measured: Measured) -> str:
    rows = [("figure", "median", "spread", "bound", ""), *(figure.cells() for _, figure in measured)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def page(measured: Measured, command: str) -> str:
    lines = [
        _HEAD.format(command=command),
        f"{machine()}; {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| figure | command | median | spread | bound | holds | beside |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for name, figure in measured:
        title, median, spread, bound, _ = figure.cells()
        cells = (
            title,
            f"`python -m bench.{name}`",
            median,
            spread,
            bound,
            "yes" if figure.holds else "no",
            figure.beside,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def machine() -> str:
    """In general words: whoever compares needs to know how large it was and whether it was busy."""
    memory = round(psutil.virtual_memory().total / 2**30)
    load = os.getloadavg()[2]
    return (
        f"{os.cpu_count()} cores, {memory} GiB, {platform.system()}, Python {platform.python_version()}; "
        f"load average over the last quarter of an hour {load:.1f}, servers and load generator on the same cores"
    )


if __name__ == "__main__":
    sys.exit(main())
