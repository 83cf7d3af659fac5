"""The webhook handler as a process: up soon, small, durable, honest when its database goes away."""

import re
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.support.postgres import MortalPostgres
from tests.support.processes import Processes, StartedProcess
from tests.support.waiting import wait_until
from tests.unit.penstock_ingest.door import SECRET, pull_request, signed

pytestmark = pytest.mark.postgres


def start(processes: Processes, url: str) -> tuple[StartedProcess, str]:
    environment = {
        "PENSTOCK_DATABASE_URL": url,
        "PENSTOCK_INGEST_PORT": "0",
        "PENSTOCK_OPS_PORT": "off",
        "PENSTOCK_LOG_FORMAT": "json",
        "PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET,
    }
    process = processes.start("python", "-m", "penstock_ingest", environment=environment)
    wait_until(lambda: re.search(r'"port": (\d+)', process.output()), 20.0, "a port in the log of ingest")
    found = re.search(r'"port": (\d+)', process.output())
    assert found is not None
    return process, f"http://127.0.0.1:{found[1]}/webhooks/github"


def test_a_webhook_is_in_the_outbox_before_it_is_answered(postgres_database: str, processes: Processes) -> None:
    process, url = start(processes, postgres_database)
    answers = [httpx.post(url, **signed(pull_request(), delivery=f"d-{n % 50}"), timeout=20) for n in range(100)]
    assert {answer.status_code for answer in answers} == {202}
    with psycopg.connect(postgres_database) as connection:
        (rows,) = connection.execute("select count(*) from workflow.outbox_messages").fetchone() or (None,)
    assert rows == 50
    resident = psutil.Process(process.pid).memory_info().rss / 2**20
    assert resident < 80


def test_it_survives_its_database_and_says_503_meanwhile(
    mortal_postgres: MortalPostgres, processes: Processes, tmp_path: Path
) -> None:
    _, url = start(processes, mortal_postgres.url)
    assert httpx.post(url, **signed(pull_request()), timeout=20).json()["status"] == "accepted"
    mortal_postgres.server.kill()
    away = httpx.post(url, **signed(pull_request(), delivery="d-2"), timeout=20)
    assert away.status_code == 503
    mortal_postgres.server.start()

    def accepted() -> bool:
        return httpx.post(url, **signed(pull_request(), delivery="d-2"), timeout=20).status_code == 202

    wait_until(accepted, 20.0, "the webhook accepted again")
    assert httpx.post(url, **signed(pull_request()), timeout=20).json()["status"] == "duplicate"
