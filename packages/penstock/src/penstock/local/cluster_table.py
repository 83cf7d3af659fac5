"""What a person is told of a cluster: where everything is, and what to do next."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.local.cluster import Cluster

REPOSITORY = "demo/shop"
_CHANGE = {
    "title": "Total with a discount",
    "files": {"shop/cart.py": "def total(items, seen=[]):\n    seen.append(items)\n    return eval('sum(items)')\n"},
}
Row = tuple[str, str, str, str]


def table(cluster: Cluster) -> str:
    rows = [("what", "state", "where", "log"), *_rows(cluster)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)) + f"  {row[3]}" for row in rows
    )


def next_step(cluster: Cluster) -> str:
    body = json.dumps(_CHANGE).replace("'", "'\\''")
    url = f"{cluster.forge.url}/_forge/repositories/{REPOSITORY}/pulls"
    return (
        f"\nOpen a pull request and watch it being reviewed at {cluster.forge.url}/{REPOSITORY}/pull/1:\n"
        f"  curl -s -o /dev/null -X POST -H 'content-type: application/json' -d '{body}' {url}\n"
        f"The console's token is in {_shown(cluster.folder / 'credentials.json')}; `make down` ends everything."
    )


def _rows(cluster: Cluster) -> Iterator[Row]:
    address = cluster.database_url.rpartition("@")[2] if cluster.postgres.log.exists() else ""
    if cluster.given.database_url:
        yield "postgres", "given", cluster.given.database_url.rpartition("@")[2], ""
    else:
        yield "postgres", _state(cluster.postgres.running()), address, _shown(cluster.postgres.log)
    if cluster.given.bootstrap:
        yield "kafka", "given", cluster.given.bootstrap, ""
    else:
        log = cluster.kafka.data_dir / "node-1.log"
        yield "kafka", _state(cluster.kafka.running()), cluster.bootstrap, _shown(log)
    yield "forge", _state(cluster.forge.running()), cluster.forge.url, _shown(cluster.forge.log)
    fleet = cluster.fleet
    pages = {"ingest": fleet.ingest_url, "console": fleet.console_url}
    for service in fleet.services:
        state = "ready" if fleet.ready(service) else "not ready" if fleet.running(service) else "stopped"
        operations = f"{fleet.operations_url(service)}/readyz"
        where = f"{pages[service]}  {operations}" if service in pages else operations
        yield service, state, where, _shown(fleet.log(service))


def _state(running: bool) -> str:
    return "running" if running else "stopped"


def _shown(path: Path) -> str:
    """As one would type it from here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
