"""The embedded server through what happens to it: kills of itself, of its owner, of nobody."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from penstock.local.errors import PostgresAlreadyRuns, PostgresFailed
from penstock.local.placement import reachable, server_user
from penstock.local.postgres import Durability, EmbeddedPostgres, attach_or_start, open_postgres
from penstock.local.process import Lifetime, ServerProcess
from tests.support.folders import disposable_folder
from tests.support.postgres import MortalPostgres
from tests.support.processes import Processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postgres

OWNER = """
import sys, time
from pathlib import Path
from penstock.local.postgres import Durability, EmbeddedPostgres
from penstock.local.process import Lifetime
server = EmbeddedPostgres(Path(sys.argv[1]), Durability.PROCESS_CRASH, Lifetime[sys.argv[2]])
server.start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with disposable_folder() as folder:
        yield folder


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "postgres", Durability.PROCESS_CRASH)
    server.start()
    yield server
    server.remove()


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_database_of_ones_own_is_empty_of_other_tests_rows(postgres_database: str, empty_database: str) -> None:
    run(postgres_database, "create table mine (i int)")
    assert run(empty_database, "select to_regclass('mine')") == [(None,)]


def test_a_database_of_ones_own_has_the_tables_of_today(postgres_database: str) -> None:
    assert run(postgres_database, "select count(*) from workflow.workflow_jobs") == [(0,)]


def test_what_was_committed_is_there_after_the_server_was_killed(mortal_postgres: MortalPostgres) -> None:
    run(mortal_postgres.url, "create table kept as select 1 as i")
    mortal_postgres.server.kill()
    assert not mortal_postgres.server.running()
    mortal_postgres.server.start()
    assert run(mortal_postgres.url, "select i from kept") == [(1,)]


def test_a_restart_keeps_the_address(server: EmbeddedPostgres) -> None:
    before = server.url()
    server.restart()
    assert server.url() == before
    assert run(before, "select 1") == [(1,)]


def test_starting_what_runs_changes_nothing(server: EmbeddedPostgres) -> None:
    started = run(server.url(), "select pg_postmaster_start_time()")
    server.start()
    assert run(server.url(), "select pg_postmaster_start_time()") == started


def test_the_second_user_of_a_folder_attaches_and_does_not_stop_it(server: EmbeddedPostgres) -> None:
    attached = attach_or_start(server.data_dir)
    assert run(attached.url(), "select 1") == [(1,)]
    attached.stop()
    assert server.running()


def test_a_second_owner_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(PostgresAlreadyRuns, match="belongs to another process"):
        EmbeddedPostgres(server.data_dir).start()


def test_a_given_address_is_used_instead_of_a_server_of_our_own(server: EmbeddedPostgres, folder: Path) -> None:
    opened = open_postgres(server.url("postgres"), folder / "unused")
    assert opened.url("template1") == server.url("template1")
    assert not (folder / "unused").exists()


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    password = (server.data_dir / "password").read_text()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        run(server.url().replace(password, "guessed"), "select 1")
    assert (server.data_dir / "password").stat().st_mode & 0o077 == 0


def test_the_server_ends_when_its_owner_is_killed_and_the_next_one_takes_over(
    folder: Path, processes: Processes
) -> None:
    owner = processes.start("python", "-c", OWNER, folder / "postgres", "WITH_OWNER")
    owner.wait_for_output("started")
    process = ServerProcess.load(folder / "postgres" / "server.pid")
    assert process
    owner.send(signal.SIGKILL)
    successor = EmbeddedPostgres(folder / "postgres", Durability.PROCESS_CRASH)
    wait_until(lambda: not process.alive(), what="the end of the orphaned server")
    successor.start()
    assert run(successor.url(), "select 1") == [(1,)]
    successor.remove()


def test_a_detached_server_outlives_its_starter_and_can_be_stopped_by_anybody(
    folder: Path, processes: Processes
) -> None:
    starter = processes.start("python", "-c", OWNER, folder / "postgres", Lifetime.DETACHED.name)
    starter.wait_for_output("started")
    starter.send(signal.SIGKILL)
    starter.wait()
    server = EmbeddedPostgres(folder / "postgres")
    assert run(server.url(), "select 1") == [(1,)]
    server.stop()
    assert not server.running()


def test_a_stale_pid_file_that_names_a_living_process_is_not_believed(server: EmbeddedPostgres) -> None:
    cluster = (server.data_dir / "cluster").resolve()
    lines = (cluster / "postmaster.pid").read_text().splitlines()
    server.stop()
    (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    assert run(server.url(), "select 1") == [(1,)]


def test_a_broken_cluster_is_reported_with_what_the_server_said(server: EmbeddedPostgres) -> None:
    server.stop()
    (server.data_dir / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(PostgresFailed, match="could not find the database system"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_may_keep_the_folder_where_the_server_cannot_reach_it(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    server = EmbeddedPostgres(hidden / "postgres", Durability.PROCESS_CRASH)
    assert not reachable(hidden, server_user())
    server.start()
    assert run(server.url(), "select 1") == [(1,)]
    place = (hidden / "postgres" / "cluster").resolve()
    server.remove()
    assert not place.exists()
    assert not (hidden / "postgres").exists()
