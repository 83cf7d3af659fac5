"""A real PostgreSQL for tests.

`postgres_database`   the address of a database of one's own, migrated, on a fast server that nobody kills
`empty_database`      the same without tables
`mortal_postgres`     a server to kill and restart, which keeps what was committed, with a migrated database

PENSTOCK_TEST_DATABASE_URL names a server to use instead of the embedded one (not for the mortal one).
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from penstock.local.errors import PostgresUnavailable
from penstock.local.postgres import AttachedPostgres, Durability, EmbeddedPostgres, PostgresServer
from tests.support.folders import disposable_folder


@dataclass(frozen=True, slots=True)
class MortalPostgres:
    """`server.kill()`, `server.stop()`, `server.start()`, `server.restart()` keep port and data, and so the address."""

    server: EmbeddedPostgres
    url: str


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    if given := os.environ.get("PENSTOCK_TEST_DATABASE_URL"):
        yield AttachedPostgres(given)
        return
    with embedded(Durability.DISPOSABLE) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    with _template(postgres_server) as name:
        yield name


@pytest.fixture
def postgres_database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    with _database(postgres_server, postgres_template) as name:
        yield postgres_server.url(name)


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[str]:
    with _database(postgres_server, "template0") as name:
        yield postgres_server.url(name)


@pytest.fixture(scope="session")
def mortal_postgres_server() -> Iterator[EmbeddedPostgres]:
    with embedded(Durability.PROCESS_CRASH) as server:
        yield server


@pytest.fixture(scope="session")
def mortal_postgres_template(mortal_postgres_server: EmbeddedPostgres) -> Iterator[str]:
    with _template(mortal_postgres_server) as name:
        yield name


@pytest.fixture
def mortal_postgres(
    mortal_postgres_server: EmbeddedPostgres, mortal_postgres_template: str
) -> Iterator[MortalPostgres]:
    with _database(mortal_postgres_server, mortal_postgres_template) as name:
        yield MortalPostgres(server=mortal_postgres_server, url=mortal_postgres_server.url(name))
        mortal_postgres_server.start()


@contextmanager
def embedded(durability: Durability) -> Iterator[EmbeddedPostgres]:
    with disposable_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", durability)
        try:
            server.start()
        except PostgresUnavailable as unavailable:
            pytest.skip(f"NO POSTGRESQL, ITS TESTS DO NOT RUN: {unavailable}")
        try:
            yield server
        finally:
            server.remove()


@contextmanager
def _template(server: PostgresServer) -> Iterator[str]:
    """A migrated database to copy: a copy takes 15 ms, migrating takes far longer."""
    from penstock_store.migrations import upgrade  # here, so that tests without a server do not pay for it

    with _database(server, "template0") as name:
        upgrade(server.url(name))
        with _administration(server) as connection:
            _run(connection, "ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", name)
        yield name


@contextmanager
def _database(server: PostgresServer, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with _administration(server) as connection:
        _run(connection, "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
    try:
        yield name
    finally:
        with _administration(server) as connection:
            _run(connection, "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def _administration(server: PostgresServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


def _run(connection: psycopg.Connection, statement: str, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))
