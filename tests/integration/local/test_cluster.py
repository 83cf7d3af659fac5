"""`make up` and `make down`, as a person meets them."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.local import cluster as cluster_module
from penstock.local.cluster import Cluster
from penstock.local.errors import KafkaUnavailable
from penstock.local.kafka_runtimes import kafka_runtime
from penstock.local.process import Lifetime
from tests.support.folders import disposable_folder
from tests.support.waiting import wait_until

REPOSITORY = "demo/shop"
CHANGE = {"title": "A change", "files": {"shop/new.py": "def total(items, seen=[]):\n    return seen\n"}}


@pytest.fixture
def folder() -> Iterator[Path]:
    try:
        kafka_runtime()
    except KafkaUnavailable as unavailable:
        pytest.skip(f"NO KAFKA, ITS TESTS DO NOT RUN: {unavailable}")
    with disposable_folder() as base:
        place = base / "cluster"
        try:
            yield place
        finally:
            Cluster(place, Lifetime.DETACHED).down()


@pytest.mark.kafka
def test_up_starts_everything_up_again_mends_what_was_killed_and_down_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("up", folder) == 0
    told = capsys.readouterr().out
    assert all(service in told for service in ("postgres", "kafka", "forge", "orchestrator", "console", "curl"))
    before = processes_of(folder)
    cluster = Cluster(folder, Lifetime.DETACHED)
    assert reviewed(cluster, 1)

    assert run("up", folder) == 0
    assert processes_of(folder) == before

    for name in ("services/orchestrator", "services/ingest", "postgres/server", "kafka/node-1", "forge/forge"):
        os.kill(json.loads((folder / f"{name}.pid").read_text())["pid"], signal.SIGKILL)
    assert run("status", folder) == 1
    assert run("up", folder) == 0
    assert run("status", folder) == 0
    assert reviewed(cluster, 2)

    running = processes_of(folder)
    assert run("down", folder) == 0
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in running), 10, "the end of every process")
    assert run("status", folder) == 1


def test_without_a_kafka_to_start_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable() -> None:
        raise KafkaUnavailable(reason="there is no Java, and no Docker daemon answers")

    monkeypatch.setattr(cluster_module, "kafka_runtime", unavailable)
    assert run("up", tmp_path / "cluster") == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Install Java 17 and Maven, start Docker" in told
    assert not (tmp_path / "cluster" / "postgres").exists()


def run(command: str, folder: Path) -> int:
    return cluster_module.main([command, "--folder", str(folder)])


def reviewed(cluster: Cluster, number: int) -> bool:
    """Whether a pull request that is opened now gets its review."""
    told = cluster.forge.tell("POST", f"/_forge/repositories/{REPOSITORY}/pulls", CHANGE)
    assert told["number"] == number

    def ledger() -> list[str]:
        with urllib.request.urlopen(f"{cluster.forge.url}/_forge/ledger", timeout=10) as answer:
            return [each["kind"] for each in json.load(answer) if each["pull_request"] == number]

    return wait_until(lambda: "review.submitted" in ledger(), 60, "a review")


def processes_of(folder: Path) -> set[int]:
    pid_files = [*folder.glob("*/*.pid")]
    assert len(pid_files) >= 9
    return {json.loads(path.read_text())["pid"] for path in pid_files}
