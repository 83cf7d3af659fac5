"""A process that is started while a server is away: it ends and says so, or it works and waits; it never just hangs."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from penstock.services import BOOTSTRAPS
from tests.support.processes import Processes, StartedProcess

STANDING_ALONE = {"console", "ingest"}
"""They have no part in Kafka."""


def start_all(processes: Processes, database_url: str, kafka: str) -> Mapping[str, StartedProcess]:
    environment = {
        "PENSTOCK_DATABASE_URL": database_url,
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka,
        "PENSTOCK_OPS_PORT": "off",
        "PENSTOCK_INGEST_PORT": "0",
        "PENSTOCK_CONSOLE_PORT": "0",
        "PENSTOCK_API_TOKEN": "a-token-for-tests",
        "PENSTOCK_GITHUB_TOKEN": "a-token-for-tests",
        "PENSTOCK_WEBHOOK_SECRET_GITHUB": "a-secret-for-tests",
        "PENSTOCK_MARKER_SECRET": "a-secret-for-marks",
        "PENSTOCK_LOG_FORMAT": "json",
    }
    return {
        service: processes.start("python", "-m", "penstock.cli", "run", service, environment=environment)
        for service in BOOTSTRAPS
    }


@contextmanager
def server(*, answers: bool) -> Iterator[str]:
    """One that is dead refuses; one that is frozen lets the system take connections, and says nothing."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if answers:
            held.listen(64)
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize(("frozen", "words"), [(False, "Connection refused"), (True, "connection timeout expired")])
def test_without_a_database_every_process_ends_within_seconds_and_names_the_setting(
    processes: Processes, frozen: bool, words: str
) -> None:
    with server(answers=frozen) as address:
        started = start_all(processes, f"postgresql://penstock:x@{address}/penstock", "127.0.0.1:1")
        codes = {service: process.wait(40) for service, process in started.items()}
    assert codes == dict.fromkeys(BOOTSTRAPS, 1)
    for service, process in started.items():
        last = json.loads(process.output().splitlines()[-1])
        assert last["level"] == "critical", service
        assert f"{words}: is the server of PENSTOCK_DATABASE_URL up?" in last["message"], service


@pytest.mark.postgres
def test_without_kafka_every_process_starts_and_says_what_it_waits_for(
    processes: Processes, postgres_database: str
) -> None:
    with server(answers=False) as address:
        started = start_all(processes, postgres_database, address)
        for service, process in started.items():
            process.wait_for_output('"message": "started"', within=40)
            if service not in STANDING_ALONE:
                process.wait_for_output("Connection refused", within=40)
        assert all(process.process.poll() is None for process in started.values())
