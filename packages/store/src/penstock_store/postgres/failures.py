"""The one place where what psycopg raises becomes what the port promises."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from penstock_store.errors import RowRefused, SchemaMismatch, StoreError, StoreUnavailable, WrongCredentials
from penstock_store.version import HEAD

# SQLSTATE classes: connection, rollback (deadlock, serialisation), read-only, resources, limits, intervention, system.
_AWAY = ("08", "40", "25", "53", "55", "57", "58")
_CREDENTIALS = ("28000", "28P01", "42501")
# While connecting libpq gives a text and no SQLSTATE.
_REFUSED = re.compile(r'password authentication failed|no password supplied|role "[^"]*" does not exist')
_TABLES = ("42P01", "42703", "3F000")


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except (PoolTimeout, PoolClosed) as error:
        raise StoreUnavailable(str(error)) from error
    except psycopg.Error as error:
        raise translate(error) from error


def translate(error: psycopg.Error) -> StoreError:
    """Only the primary message is kept: the detail of a refused row quotes its values."""
    state = error.sqlstate or ""
    text = error.diag.message_primary or str(error)
    if state in _CREDENTIALS or (not state and _REFUSED.search(text)):
        return WrongCredentials(text)
    if state in _TABLES:
        return SchemaMismatch(text, HEAD, "run `penstock db upgrade`")
    if state.startswith(_AWAY) or _connection_lost(error, state):
        return StoreUnavailable(text)
    return RowRefused(f"{type(error).__name__}: {text}")


def _connection_lost(error: psycopg.Error, state: str) -> bool:
    return not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
