"""What psycopg raises becomes what the port promises."""

import psycopg
import pytest
from psycopg import errors

from penstock_store.errors import RowRefused, SchemaMismatch, StoreUnavailable, WrongCredentials
from penstock_store.postgres.failures import translate


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionFailure("gone"),
        errors.DeadlockDetected("crosswise"),
        errors.SerializationFailure("again"),
        errors.DiskFull("full"),
        errors.TooManyConnections("many"),
        errors.AdminShutdown("restart"),
        errors.CannotConnectNow("starting"),
        errors.IdleInTransactionSessionTimeout("frozen"),
        errors.IoError("disk"),
        errors.ReadOnlySqlTransaction("a standby"),
        errors.LockNotAvailable("locked"),
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.InterfaceError("the connection is closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_unavailable(error: psycopg.Error) -> None:
    assert isinstance(translate(error), StoreUnavailable)


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidPassword("no"),
        errors.InvalidAuthorizationSpecification("who"),
        errors.InsufficientPrivilege("may not"),
        psycopg.OperationalError('connection failed: FATAL:  password authentication failed for user "x"'),
        psycopg.OperationalError('connection failed: FATAL:  role "x" does not exist'),
    ],
    ids=lambda error: type(error).__name__,
)
def test_credentials_are_named(error: psycopg.Error) -> None:
    assert isinstance(translate(error), WrongCredentials)


@pytest.mark.parametrize("error", [errors.UndefinedTable("x"), errors.UndefinedColumn("x")])
def test_missing_tables_are_a_mismatch(error: psycopg.Error) -> None:
    assert isinstance(translate(error), SchemaMismatch)


@pytest.mark.parametrize(
    "error",
    [errors.CheckViolation("x"), errors.NotNullViolation("x"), errors.StringDataRightTruncation("x"),
     psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")],
)  # fmt: skip
def test_what_one_event_led_to_is_refused(error: psycopg.Error) -> None:
    assert isinstance(translate(error), RowRefused)
