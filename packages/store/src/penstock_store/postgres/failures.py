"""The one place where what psycopg raises becomes what the port promises."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from penstock_runtime.errors import SettingsError
from penstock_store.errors import RowRefused, SchemaMismatch, StoreError, StoreUnavailable, WrongCredentials
from penstock_store.version import HEAD

# SQLSTATE classes: connection, rollback (deadlock, serialisation), read-only, resources, limits, intervention, system.
_AWAY = ("08", "40", "25", "53", "55", "57", "58")
_CREDENTIALS = ("28000", "28P01", "42501")
# While connecting libpq gives a text and no SQLSTATE.
_REFUSED = re.compile(r'password authentication failed|no password supplied|role "[^"]*" does not exist')
_TABLES = ("42P01", "42703", "3F000")
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist')
_OPTION = re.compile(r'invalid (?:URI query parameter:|connection option) ("[^"]*")')
_IS_IT_UP = "is the server of PENSTOCK_DATABASE_URL up?"
_CREATE_IT = "create it, or name another in PENSTOCK_DATABASE_URL"


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except (PoolTimeout, PoolClosed) as error:
        raise StoreUnavailable(str(error)) from error
    except psycopg.Error as error:
        raise translate(error) from error


@contextmanager
def connecting() -> Iterator[None]:
    """As `translated`, for who connects for the first time: in one line, and with what to look at. Raises
    SettingsError, too."""
    try:
        yield
    except psycopg.Error as error:
        raise not_connected(error) from error
    except StoreUnavailable as error:
        raise _with_hint(str(error)) from error


def not_connected(error: psycopg.Error) -> StoreError | SettingsError:
    """What `connecting` raises, where the driver's error was wrapped by somebody else."""
    if isinstance(error, psycopg.ProgrammingError) and not error.sqlstate:
        # What libpq says of an address it cannot read quotes all of it, with the password.
        option = _OPTION.search(str(error))
        why = f"{option[1]} is no option of a connection" if option else "it is no address of a PostgreSQL server"
        return SettingsError((f"PENSTOCK_DATABASE_URL is not valid: {why}",))
    found = translate(error)
    return _with_hint(str(found)) if isinstance(found, StoreUnavailable) else found


def _with_hint(text: str) -> StoreUnavailable:
    said, _, _ = text.partition("\n")
    return StoreUnavailable(f"{said}: {_CREATE_IT if _NO_DATABASE.search(said) else _IS_IT_UP}")


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
