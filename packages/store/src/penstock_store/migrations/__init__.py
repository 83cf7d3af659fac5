"""Bringing a database to the tables of this program. Only `penstock db`, `penstock up` and tests import this."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError

from penstock_runtime.errors import SettingsError
from penstock_store.errors import StoreUnavailable, WrongCredentials
from penstock_store.postgres.database import PoolSettings
from penstock_store.postgres.failures import not_connected
from penstock_store.tables import SCHEMA
from penstock_store.version import HEAD, VERSION_TABLE, compare

# Any number, as long as every version of this program uses the same.
_UPGRADE_LOCK = 7_365_746_121


def upgrade(url: str) -> str:
    """To this program's tables; what `check` says afterwards. Who comes second waits for the first and finds the work
    done. A database that is newer is left as it is."""
    with _connected(url) as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": _UPGRADE_LOCK})
        connection.execute(text(f"create schema if not exists {SCHEMA}"))
        connection.commit()
        if not _is_newer(connection):
            command.upgrade(_config(connection), "head")
        connection.commit()
    return check(url)


def check(url: str) -> str:
    """How the tables and this program get on. Raises SchemaMismatch where it cannot run on them."""
    with _connected(url) as connection:
        found = _revision(connection)
        newer = _is_newer(connection)
        oldest = connection.scalar(text(f"select oldest from {SCHEMA}.compatibility")) if newer else None
    return compare(found, oldest or "")


def revision(url: str) -> str | None:
    """The last migration that ran there; None where none did."""
    with _connected(url) as connection:
        return _revision(connection)


def _is_newer(connection: Connection) -> bool:
    found = _revision(connection)
    return found is not None and found > HEAD


def _revision(connection: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE, "version_table_schema": SCHEMA}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "penstock_store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            yield connection
    except (OperationalError, ProgrammingError) as error:
        found = not_connected(error.orig) if isinstance(error.orig, psycopg.Error) else None
        if isinstance(found, StoreUnavailable | WrongCredentials | SettingsError):
            raise found from error
        raise
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    """A connection of its own, so that the lock on it ends with it."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            ("PENSTOCK_DATABASE_URL is not valid: expected one server, as postgresql://user:password@host:port/name",)
        ) from None
    within = {"connect_timeout": PoolSettings().connect_timeout}
    return create_engine(address.set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args=within)
