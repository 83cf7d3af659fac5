"""A secret that lies anywhere is found, however it is stored there."""

import zlib
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping

import psycopg
import pytest
from psycopg import sql

from penstock_store.encoding import StateEncoding, pack
from tests.chaos import leaks

SECRET = "forge-token-zQ81xNvPw0"
_TELLING = ("text", "bytea", "json", "jsonb")
_PLAIN = {"integer": 1, "bigint": 1, "smallint": 1, "double precision": 1.0, "timestamp with time zone": "2030-01-01"}
_RULES = """
select conrelid::regclass::text, conname from pg_constraint
where contype = 'c' and connamespace = 'workflow'::regnamespace
"""
_COLUMNS = """
select table_name, column_name, data_type from information_schema.columns
where table_schema = 'workflow' and is_identity = 'NO' and table_name <> 'alembic_version' order by 1
"""
Columns = Mapping[str, object]
"""A value for each."""


def found(*texts: bytes) -> bool:
    return not leaks.judge("N11", [SECRET], (("somewhere", text) for text in texts)).held


@pytest.mark.parametrize(
    "text",
    [
        SECRET.encode(),
        b"before " + SECRET.encode() + b" after",
        b64encode(f"a:{SECRET}".encode()),
        b64encode(f"x-access-token:{SECRET}".encode()),
        b64encode(f"bb:{SECRET} and more".encode()),
        SECRET.encode().hex().encode(),
    ],
)
def test_a_secret_is_found_as_it_is_and_in_plain_codings(text: bytes) -> None:
    assert found(b"nothing", text)


def test_where_nothing_is_told_nothing_is_found() -> None:
    assert not found(b"forge-token", b64encode(b"x-access-token:another one of the same length"), b"")


def test_what_was_looked_at_is_counted_and_the_place_is_named() -> None:
    told = [("table blobs", b"x"), ("ast.log", SECRET.encode()), ("ast.log", SECRET.encode())]
    verdict = leaks.judge("N11", [SECRET], told)
    assert verdict.found == "1 of 1 secrets, 3 texts of 2 tables, topics, logs and others: forg… in ast.log, 2 times"


@pytest.mark.postgres
def test_every_column_of_every_table_that_can_hold_a_text_is_read(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("truncate workflow.schemas, workflow.compatibility")
        tables = _told_everywhere(connection)
    seen = dict(leaks.in_tables(postgres_database))
    for table, values in tables.items():
        if table == "marker_key":  # where a key belongs
            continue
        told = sum(value in (SECRET, SECRET.encode()) for value in values.values())
        assert seen[f"table {table}"].count(SECRET.encode()) >= told, table
    assert {"outbox_messages", "dead_letters", "streams", "effects", "cache_entries"} <= tables.keys()


@pytest.mark.postgres
@pytest.mark.parametrize("encoding", [StateEncoding.FULL, StateEncoding.DELTA, StateEncoding.COMPRESSED])
def test_a_stored_state_is_read_as_the_store_reads_it(postgres_database: str, encoding: StateEncoding) -> None:
    told = f'{{"runs": {{"{SECRET}": "{"abc" * 1_000}"}}}}'.encode()
    packed = pack(encoding, told)
    with psycopg.connect(postgres_database) as connection:
        connection.execute(
            "insert into workflow.streams (stream, state, base, encoding) values ('s', %s, %s, %s)",
            (packed.data, packed.base, packed.encoding),
        )
    assert found(*(text for _, text in leaks.in_tables(postgres_database)))


@pytest.mark.postgres
def test_what_is_stored_deflated_is_read_too(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("insert into workflow.blobs (id, data) values ('b', %s)", (zlib.compress(SECRET.encode()),))
    assert found(*(text for _, text in leaks.in_tables(postgres_database)))


def _told_everywhere(connection: psycopg.Connection[tuple[object, ...]]) -> Mapping[str, Columns]:
    """A row in each table, of which no column keeps the secret to itself."""
    for table, rule in connection.execute(_RULES).fetchall():
        connection.execute(f"alter table {table} drop constraint {rule}".encode())
    tables: dict[str, dict[str, object]] = defaultdict(dict)
    for table, column, kind in connection.execute(_COLUMNS).fetchall():
        value = SECRET.encode() if kind == "bytea" else SECRET if kind in _TELLING else _PLAIN[str(kind)]
        tables[str(table)][str(column)] = "full" if column == "encoding" else value
    for table, values in tables.items():
        order = sql.SQL("insert into workflow.{} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        )
        connection.execute(order, list(values.values()))
    return tables
