"""Migrations: they make the tables that tables.py defines, once, whoever comes first."""

import asyncio
from importlib.resources import files

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text

from penstock_store import migrations
from penstock_store.errors import SchemaMismatch, StoreUnavailable
from penstock_store.postgres import PostgresStore
from penstock_store.tables import SCHEMA, metadata
from penstock_store.version import HEAD

_CATALOGUE = """
select 'column', table_name, column_name, data_type, coalesce(column_default, ''), is_nullable,
  coalesce(collation_name, ''), is_identity
from information_schema.columns where table_schema = 'workflow' and table_name <> 'alembic_version'
union all
select 'index', tablename, indexname, indexdef, '', '', '', ''
from pg_indexes where schemaname = 'workflow' and tablename <> 'alembic_version'
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '', ''
from pg_constraint where connamespace = 'workflow'::regnamespace and conrelid::regclass::text not like '%alembic%'
union all
select 'options', relname, array_to_string(reloptions, ','), '', '', '', '', ''
from pg_class where relnamespace = 'workflow'::regnamespace and relkind = 'r' and reloptions is not null
order by 1, 2, 3, 4
"""


def catalogue(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(_CATALOGUE).fetchall()


def set_version(url: str, version: str, oldest: str = "9999") -> None:
    """`oldest`: the oldest program that can still run on the tables."""
    with psycopg.connect(url) as connection:
        connection.execute("update workflow.alembic_version set version_num = %s", (version,))
        connection.execute("update workflow.compatibility set oldest = %s", (oldest,))


def test_the_migrations_make_the_tables_that_are_defined(postgres_database: str, empty_database: str) -> None:
    engine = create_engine(make_url(empty_database).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"create schema {SCHEMA}"))
        metadata.create_all(connection)
    engine.dispose()

    assert catalogue(postgres_database) == catalogue(empty_database)
    assert len(catalogue(postgres_database)) > 100


def test_the_version_this_program_wants_is_the_last_migration() -> None:
    scripts = ScriptDirectory(str(files("penstock_store.migrations")))
    names = [script.revision for script in scripts.walk_revisions()]
    assert scripts.get_current_head() == HEAD
    assert sorted(names, reverse=True) == names
    assert all(len(name) == 4 and name.isdigit() for name in names)


async def test_two_processes_may_upgrade_at_once(empty_database: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrations.upgrade, empty_database) for _ in range(3)))

    migrations.check(empty_database)
    assert migrations.revision(empty_database) == HEAD


async def test_a_database_without_tables_says_how_to_make_them(empty_database: str) -> None:
    with pytest.raises(SchemaMismatch, match=r"without tables.*penstock db upgrade"):
        migrations.check(empty_database)
    with pytest.raises(SchemaMismatch, match=r"without tables.*penstock db upgrade"):
        await PostgresStore.open(empty_database)


async def test_an_older_database_is_refused_with_the_remedy(postgres_database: str) -> None:
    set_version(postgres_database, "0000")
    with pytest.raises(SchemaMismatch, match="penstock db upgrade"):
        migrations.check(postgres_database)
    with pytest.raises(SchemaMismatch, match="penstock db upgrade"):
        await PostgresStore.open(postgres_database)


async def test_a_newer_database_asks_for_a_newer_program_and_is_left_alone(postgres_database: str) -> None:
    set_version(postgres_database, "9999")
    with pytest.raises(SchemaMismatch, match="newer version of this program"):
        migrations.upgrade(postgres_database)
    with pytest.raises(SchemaMismatch, match="newer version of this program"):
        await PostgresStore.open(postgres_database)
    assert migrations.revision(postgres_database) == "9999"


async def test_a_newer_database_that_only_added_something_is_run_on(postgres_database: str) -> None:
    set_version(postgres_database, "9999", oldest=HEAD)
    assert "newer than this program" in migrations.check(postgres_database)
    assert "can run on them" in migrations.upgrade(postgres_database)
    assert migrations.revision(postgres_database) == "9999"
    store = await PostgresStore.open(postgres_database)
    try:
        await store.check()
    finally:
        await store.close()


async def test_a_program_notices_that_the_database_was_upgraded_under_it(postgres_database: str) -> None:
    store = await PostgresStore.open(postgres_database)
    try:
        await store.check()
        set_version(postgres_database, "9999")
        with pytest.raises(SchemaMismatch):
            await store.check()
    finally:
        await store.close()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        migrations.check("postgresql://nobody@127.0.0.1:1/nothing")
