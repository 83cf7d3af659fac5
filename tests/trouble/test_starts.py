"""What keeps a process from starting: one line that says what to change, and an exit code."""

import json
import socket
from pathlib import Path

import psycopg
import pytest

from penstock.local.ports import free_port
from tests.support.processes import Processes, StartedProcess
from tests.trouble.page import quoted
from tests.trouble.sasl import refusing_broker
from tests.trouble.stage import ended


def start(processes: Processes, service: str, url: str, **more: str) -> StartedProcess:
    environment = {
        "PENSTOCK_DATABASE_URL": url,
        "PENSTOCK_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "PENSTOCK_OPS_PORT": "off",
        "PENSTOCK_INGEST_PORT": "0",
        "PENSTOCK_WEBHOOK_SECRET_GITHUB": "a-secret-for-tests",
        "PENSTOCK_LOG_FORMAT": "json",
        **more,
    }
    return processes.start("python", "-m", "penstock.cli", "run", service, environment=environment)


def complaint(process: StartedProcess) -> str:
    """The only line above information that it says before it ends, without a stack trace."""
    assert process.wait() == 1, process.output()
    lines = [json.loads(line) for line in process.output().splitlines()]
    told = [line for line in lines if line["level"] in ("error", "critical")]
    assert [sorted(line) for line in told] == [["level", "logger", "message", "process", "time"]], process.output()
    return str(told[0]["message"])


def set_version(url: str, version: str, oldest: str = "0001") -> None:
    with psycopg.connect(url) as connection:
        connection.execute("update workflow.alembic_version set version_num = %s", (version,))
        connection.execute("update workflow.compatibility set oldest = %s", (oldest,))


@pytest.mark.parametrize(
    ("service", "variable"), [("ingest", "PENSTOCK_INGEST_PORT"), ("orchestrator", "PENSTOCK_OPS_PORT")]
)
def test_a_port_in_use_is_named_with_its_variable(
    service: str, variable: str, postgres_database: str, processes: Processes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = complaint(start(processes, service, postgres_database, **{variable: str(port)}))
    assert told.startswith(f"Port {port} on 127.0.0.1 is in use: set {variable} to a free port")
    assert quoted("to a free port, or end the process that holds it") in told


@pytest.mark.parametrize("service", ["ingest", "ast"])
def test_a_database_without_tables_is_refused_until_it_is_upgraded(
    service: str, empty_database: str, processes: Processes
) -> None:
    told = complaint(start(processes, service, empty_database))
    assert quoted("database schema is without tables") in told
    assert "run `penstock db upgrade`" in told
    upgrade = processes.start(
        "python", "-m", "penstock.cli", "db", "upgrade", environment={"PENSTOCK_DATABASE_URL": empty_database}
    )
    assert upgrade.wait() == 0, upgrade.output()
    start(processes, service, empty_database).wait_for_output('"started"')


def test_an_older_database_is_refused_with_the_command_that_upgrades_it(
    postgres_database: str, processes: Processes
) -> None:
    set_version(postgres_database, "0000")
    told = complaint(start(processes, "ast", postgres_database))
    assert told.startswith("database schema is 0000, this program needs ")
    assert quoted("run `penstock db upgrade`") in told


def test_a_newer_database_is_left_alone_and_asks_for_a_newer_program(
    postgres_database: str, processes: Processes
) -> None:
    set_version(postgres_database, "9999", oldest="9999")
    told = complaint(start(processes, "ast", postgres_database))
    assert told.startswith("database schema is 9999, this program needs ")
    assert quoted("it is newer and needs a program of 9999 at least, start a newer version of this program") in told


def test_a_newer_database_that_only_has_more_is_worked_on(postgres_database: str, processes: Processes) -> None:
    set_version(postgres_database, "9999")
    start(processes, "ast", postgres_database).wait_for_output('"started"')


@pytest.mark.parametrize("service", ["ingest", "commenter"])
def test_a_wrong_database_password_is_named_with_its_variable(
    service: str, postgres_database: str, processes: Processes
) -> None:
    url = psycopg.conninfo.conninfo_to_dict(postgres_database)
    wrong = f"postgresql://{url['user']}:wrong@{url['host']}:{url['port']}/{url['dbname']}"
    told = complaint(start(processes, service, wrong))
    assert quoted("the database refuses these credentials, check PENSTOCK_DATABASE_URL") in told
    assert "wrong@" not in told


@pytest.mark.parametrize("service", ["ingest", "prepare"])
def test_a_database_that_does_not_answer_is_asked_about(service: str, processes: Processes) -> None:
    told = complaint(start(processes, service, f"postgresql://penstock@127.0.0.1:{free_port()}/penstock"))
    assert quoted("Connection refused: is the server of PENSTOCK_DATABASE_URL up?") in told


@pytest.mark.parametrize("service", ["ast", "orchestrator"])
async def test_credentials_that_kafka_refuses_are_named_with_the_file_they_come_from(
    service: str, postgres_database: str, processes: Processes, tmp_path: Path
) -> None:
    properties = tmp_path / "kafka.properties"
    properties.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=penstock\nsasl.password=hunter2\n"
    )
    async with refusing_broker() as address:
        process = start(
            processes,
            service,
            postgres_database,
            PENSTOCK_KAFKA_BOOTSTRAP=address,
            PENSTOCK_KAFKA_CONFIG=str(properties),
        )
        assert await ended(process) == 1
    assert quoted("Kafka refuses the credentials") in process.output()
    assert quoted("correct the file of PENSTOCK_KAFKA_CONFIG") in process.output()
    assert "hunter2" not in process.output()
