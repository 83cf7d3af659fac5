"""`penstock up` on an embedded database that somebody else started: it goes with them, and is started again."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from penstock.local.ports import free_ports
from penstock.local.postgres import EmbeddedPostgres, attach_or_start
from tests.support.folders import disposable_folder
from tests.support.processes import Processes, StartedProcess
from tests.support.waiting import eventually


def up(processes: Processes, folder: Path, operations: int = 0) -> StartedProcess:
    ingest, console, other = free_ports(3)
    return processes.start(
        "python",
        "-m",
        "penstock.cli",
        "up",
        environment={
            "PENSTOCK_DATA_DIR": str(folder),
            "PENSTOCK_INGEST_PORT": str(ingest),
            "PENSTOCK_CONSOLE_PORT": str(console),
            "PENSTOCK_OPS_PORT": str(operations or other),
            "PENSTOCK_GITHUB_TOKEN": "a-token",
            "PENSTOCK_WEBHOOK_SECRET_GITHUB": "a-secret",
        },
    )


@pytest.mark.postgres
def test_a_standby_takes_over_when_the_first_is_killed_and_its_database_with_it(processes: Processes) -> None:
    with disposable_folder() as folder:
        first = up(processes, folder)
        first.wait_for_output("started", within=40)
        second = up(processes, folder)
        second.wait_for_output("standing by until it ends", within=40)
        os.kill(first.pid, signal.SIGKILL)
        second.wait_for_output('"started"', within=40)
        second.send(signal.SIGTERM)
        assert second.wait(within=40) == 0
    assert "Traceback" not in second.output()


def ready(operations: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{operations}/readyz", trust_env=False).status_code == 200


@pytest.mark.postgres
async def test_a_command_that_takes_its_database_away_at_its_end_costs_those_who_came_later_a_moment(
    processes: Processes,
) -> None:
    with disposable_folder() as folder:
        command = attach_or_start(folder / "postgres")  # as a `penstock db` does that has yet to write its output
        (operations,) = free_ports(1)
        later = up(processes, folder, operations)
        await eventually(lambda: '"started"' in later.output(), within=40, what="penstock up to start")
        await eventually(lambda: ready(operations), within=20, what="penstock up to be ready")

        command.stop()

        revived = EmbeddedPostgres(folder / "postgres")
        await eventually(revived.running, within=40, what="it to start its database again")
        await eventually(lambda: ready(operations), within=40, what="it to go on")
        later.send(signal.SIGTERM)
        assert later.wait(within=40) == 0
        assert not revived.running()
    assert "Traceback" not in later.output()
