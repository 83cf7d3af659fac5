"""Two `penstock up` on one data folder: the second stands by, and takes over when the first is killed."""

import os
import signal
from pathlib import Path

import pytest

from penstock.local.ports import free_ports
from tests.support.folders import disposable_folder
from tests.support.processes import Processes, StartedProcess


def up(processes: Processes, folder: Path) -> StartedProcess:
    ingest, console, operations = free_ports(3)
    return processes.start(
        "python",
        "-m",
        "penstock.cli",
        "up",
        environment={
            "PENSTOCK_DATA_DIR": str(folder),
            "PENSTOCK_INGEST_PORT": str(ingest),
            "PENSTOCK_CONSOLE_PORT": str(console),
            "PENSTOCK_OPS_PORT": str(operations),
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
