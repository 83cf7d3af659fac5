"""The same installation on a real PostgreSQL, which goes by the world's clock.

Every statement of the store asks `clock_timestamp()`. In these databases a function of that name in the schema `sim`,
which stands before pg_catalog on the search path of every connection and of the migrations, says what the world's clock
says. Nothing else differs from a database that people run. A process that dies loses its connections in the middle of
whatever it does.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from penstock_contracts.codec import Codec
from penstock_contracts.enums import Stage
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.hints import Hint, LocalHints
from penstock_store.memory.tables import Tables
from penstock_store.migrations import upgrade
from penstock_store.ports import Store
from penstock_store.postgres.database import Database, PoolSettings
from penstock_store.postgres.headers import unpack_headers
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.store import PostgresStore
from penstock_store.rows import DeadLetterRow, JobFilter, Lease, OutboxRow, RawRecord, TimerRow
from tests.sim.ground import StoreClock, gated
from tests.sim.process import Process

PATH = "-c search_path=sim,pg_catalog,public"
SETTINGS = PoolSettings(size=6, application_name="penstock sim", session_options=PATH)
_CLOCK: LiteralString = """
create schema sim;
create table sim.clock (reads timestamptz not null);
insert into sim.clock values ('2026-01-01');
create function sim.clock_timestamp() returns timestamptz language sql as 'select reads from sim.clock';
"""
_EMPTY: LiteralString = """
truncate workflow.streams, workflow.facts, workflow.workflow_jobs, workflow.job_execution_history,
  workflow.inbox_messages, workflow.outbox_messages, workflow.deliveries, workflow.dead_letters, workflow.timers,
  workflow.leases, workflow.effects, workflow.blobs restart identity
"""
_OTHERS: LiteralString = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""
_OF_ONE: LiteralString = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
_TIMERS: LiteralString = """
select id, stream, due, kind, run_id, stage, part, attempt, generation from workflow.timers
"""
_OUTBOX: LiteralString = """
select id, stream, topic, key, spread, headers, value, created_at, sent_at from workflow.outbox_messages order by id
"""
_STATE: LiteralString = """
select state from workflow.job_execution_history where run_id = %s and stage = %s and part = %s and attempt = %s
"""
_LETTERS: LiteralString = """
select id, consumer, topic, partition, position, key, headers, value, stream, run_id, event_id, event_type, reason,
  error, remedy from workflow.dead_letters
"""


@contextmanager
def simulated_database(server: str) -> Iterator[str]:
    """The address of a database on this server that goes by a clock of its own."""
    name = f"sim_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            url = server.rpartition("/")[0] + f"/{name}"
            with psycopg.connect(url, autocommit=True) as inside:
                inside.execute(_CLOCK)
                inside.execute(
                    sql.SQL("alter database {} set search_path = sim, pg_catalog, public").format(sql.Identifier(name))
                )
            upgrade(url)
            yield url
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


class _Hints(PostgresHints):
    """Between the processes of the world, without LISTEN: its delay would not be ours."""

    def __init__(self, shared: LocalHints) -> None:
        self._shared = shared

    def subscribe(self, hint: Hint, wake: Any) -> None:
        self._shared.subscribe(hint, wake)

    def unsubscribe(self, hint: Hint, wake: Any) -> None:
        self._shared.unsubscribe(hint, wake)

    def give(self, hint: Hint) -> None:
        self._shared.give(hint)

    async def close(self) -> None:
        """Nothing is held."""


def _name(owner: int) -> str:
    return f"penstock sim {os.getpid()} {owner}"


@dataclass(slots=True)
class PostgresGround:
    """Implements Ground."""

    url: str
    clock: StoreClock
    codec: Codec
    available: bool = True
    in_flight: int = 0
    by_hand: bool = False
    broken: list[str] = field(default_factory=list)
    given_back: set[tuple[str, int]] = field(default_factory=set)
    _hints: LocalHints = field(default_factory=LocalHints)
    _databases: dict[int, Database] = field(default_factory=dict)
    _own: "psycopg.Connection[Any]" = field(init=False)
    """The world's. It does not wait beside others, so that nothing happens between question and answer."""

    def __post_init__(self) -> None:
        self._own = psycopg.connect(self.url, autocommit=True, options=PATH)

    async def open(self) -> None:
        self._own.execute("set lock_timeout = '10s'")
        self._own.execute(_OTHERS)
        self._own.execute(_EMPTY)
        await self.moved()
        await self.store()

    async def close(self) -> None:
        for owner in list(self._databases):
            await self._drop(owner)
        self._own.close()

    async def opened(self, process: Process) -> Store:
        return gated(await self._store(id(process), process), process, self)

    async def left(self, process: Process) -> None:
        await self._drop(id(process))

    async def _drop(self, owner: int) -> None:
        """Its connections break, whatever is under way on them."""
        database = self._databases.pop(owner, None)
        if database is not None:
            self._rows(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s", _name(owner)
            )
            await database.close()

    async def store(self) -> Store:
        return await self._store(0, NO_STEPS)

    async def _store(self, owner: int, steps: Steps) -> PostgresStore:
        if owner not in self._databases:
            self._databases[owner] = Database(self.url, replace(SETTINGS, application_name=_name(owner)))
            await self._databases[owner].open()
        return PostgresStore(self._databases[owner], _Hints(self._hints), self.codec, steps)

    async def waiting(self) -> tuple[list[TimerRow], int]:
        timers = self._own.cursor(row_factory=class_row(TimerRow)).execute(_TIMERS).fetchall()
        ((unsent,),) = self._rows("select count(*) from workflow.outbox_messages where sent_at is null")
        return timers, unsent

    async def lease(self, key: str) -> Lease | None:
        found = self._rows("select key, holder, fence, expires_at from workflow.leases where key = %s", key)
        return Lease(*found[0]) if found else None

    async def asked(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        return self._rows(_STATE, run_id, stage.value, part, attempt) == [("asked",)]

    async def moved(self) -> None:
        self._own.execute("update sim.clock set reads = %s", (self.clock.now(),))

    async def seen(self) -> Tables:
        store, tables = await self.store(), Tables(self.clock)
        tables.jobs = {job.id: job for job in await store.jobs.jobs(JobFilter(limit=10_000))}
        for run in [job.id for job in tables.jobs.values() if job.parent_id is None]:
            for one in await store.jobs.history(run):
                tables.executions[one.run_id, one.stage, one.part, one.attempt] = one
        inbox = self._rows("select consumer, event_id, outcome from workflow.inbox_messages")
        tables.inbox = {(consumer, event_id): outcome for consumer, event_id, outcome in inbox}
        for row_id, stream, topic, key, spread, headers, value, created_at, sent_at in self._rows(_OUTBOX):
            tables.outbox[row_id] = OutboxRow(row_id, stream, topic, key, spread, unpack_headers(headers), value)
            if sent_at is None:
                tables.unsent[row_id] = created_at
        counts = self._rows("select consumer, topic, partition, position, count from workflow.deliveries")
        tables.deliveries = {(one, topic, at, position): count for one, topic, at, position, count in counts}
        for known, consumer, topic, partition, position, key, headers, value, *said in self._rows(_LETTERS):
            record = RawRecord(topic, partition, position, key, unpack_headers(headers), value)
            tables.letters[known] = DeadLetterRow(known, consumer, record, *said)
        tables.timers = {timer.id: timer for timer in (await self.waiting())[0]}
        for name in await store.streams.names():
            tables.effects |= {effect.id: effect for effect in await store.effects.of_stream(name)}
        return tables

    def _rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        return self._own.execute(statement, values).fetchall()
