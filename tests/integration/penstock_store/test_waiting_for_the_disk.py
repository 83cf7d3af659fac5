"""Which commits of `penstock up` are waited for until they are on disk, and what becomes of the others in a crash."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from penstock_contracts.codec import Codec
from penstock_store.cache import CachePlace
from penstock_store.errors import StoreRewound
from penstock_store.postgres import PostgresStore
from penstock_store.postgres.database import PoolSettings
from penstock_store.rows import (
    DeadLetterRow,
    EffectKind,
    EffectRow,
    EffectState,
    Lease,
    NewOutboxRow,
    Place,
    RawRecord,
    Verdict,
)
from penstock_store.spending import Amount, Caps, ModelCall, Reservation
from tests.support.postgres import MortalPostgres
from tests.support.toy_fold import START, ToyFold, received

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
DAY = timedelta(days=1)
OUTER = PoolSettings(2, checkout_timeout=0.5, connect_timeout=2)
Call = Callable[[PostgresStore, str], Awaitable[object]]
"""Writes something that is named by the text."""


def outbox_row(name: str) -> NewOutboxRow:
    return NewOutboxRow(name, "t", name, None, (), b"value")


async def lease(store: PostgresStore, name: str) -> Lease:
    found = await store.leases.acquire(name, "test", DAY)
    assert found is not None
    return found


async def publish(store: PostgresStore, name: str) -> None:
    await store.outbox.put([outbox_row(name)])
    held = await lease(store, name)
    await store.outbox.publish(await store.outbox.unsent(range(64), 10), {"t": 1}, held)


async def move(store: PostgresStore, name: str) -> None:
    await store.log.move("group", [Place("t", 0, 1)], await lease(store, name))


async def mark(store: PostgresStore, name: str) -> None:
    await store.outbox.put([outbox_row(name)])
    held = await lease(store, name)
    await store.outbox.mark_sent([row.id for row in await store.outbox.unsent(range(64), 10)], held)


async def count(store: PostgresStore, name: str) -> None:
    await store.deliveries.count(name, [Place("t", 0, 1)])


async def forget(store: PostgresStore, name: str) -> None:
    await count(store, name)
    await store.leases.acquire(name, "test")
    await store.deliveries.forget(name, [Place("t", 0, 1)])


async def begin(store: PostgresStore, name: str) -> Lease:
    held = await lease(store, name)
    await store.effects.plan([EffectRow(name, STREAM, "run", EffectKind.SUMMARY, 1, 1, EffectState.PLANNED)])
    await store.effects.begin(name, held)
    return held


async def settle(store: PostgresStore, name: str) -> None:
    held = await begin(store, name)
    await store.effects.settle(name, held, EffectState.SENT, external_id="1", url="", note="")


async def reserve(store: PostgresStore, name: str) -> Reservation:
    reserved = await store.spending.reserve(ModelCall(name, "s", "", 1, name, "small"), Amount(1), Caps())
    assert isinstance(reserved, Reservation)
    return reserved


async def spend(store: PostgresStore, name: str) -> None:
    await store.spending.settle(await reserve(store, name), 1, 1, 1)


async def bury(store: PostgresStore, name: str) -> None:
    record = RawRecord("t", 0, 1, b"", (), b"")
    letter = DeadLetterRow(name, CONSUMER, record, "", "", "", "", "why", "", "", START)
    await store.dead_letters.put(letter, [])


async def forget_cached(store: PostgresStore, name: str) -> None:
    await store.cache.claim(CachePlace("c", name), "token", DAY)
    await store.cache.forget("c")


WAITED_FOR: dict[str, Call] = {
    "receipts": lambda store, name: store.receipts.receive(name, outbox_row(name)),
    "leases": lease,
    "effects begun": begin,
    "effects settled": settle,
    "spending reserved": reserve,
    "spending settled": spend,
    "dead_letters": bury,
    "cache": forget_cached,
    "schemas": lambda store, name: store.schemas.upsert([schema for schema in Codec().schemas()]),
    "restoring": lambda store, name: store.restoring.begin_again([outbox_row(name)], None),
}
IN_ORDER: dict[str, Call] = {
    "streams": lambda store, name: store.streams.apply(CONSUMER, [received(name)], ToyFold()),
    "outbox": lambda store, name: store.outbox.put([outbox_row(name)]),
    "outbox published": publish,
    "log": move,
    "blobs": lambda store, name: store.blobs.put(name.encode()),
}
ALWAYS_LAZY: dict[str, Call] = {"outbox marked": mark, "deliveries counted": count, "deliveries forgotten": forget}
"""Also of services that stand apart."""
DELETING, READING = {"retention"}, {"timers", "executions", "jobs"}


@pytest.fixture
def sluggish(mortal_postgres: MortalPostgres) -> Iterator[MortalPostgres]:
    """What is not waited for gets to the disk seconds later."""
    _tell(mortal_postgres, "alter system set wal_writer_delay = '10s'")
    yield mortal_postgres
    mortal_postgres.server.start()
    _tell(mortal_postgres, "alter system reset wal_writer_delay")


@pytest.fixture
async def alone(sluggish: MortalPostgres) -> AsyncIterator[PostgresStore]:
    """As the workers of `penstock up` have it."""
    store = await PostgresStore.open(sluggish.url, OUTER, inner=OUTER.in_order())
    yield store
    await store.close()


@pytest.fixture
async def apart(sluggish: MortalPostgres) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(sluggish.url, OUTER)
    yield store
    await store.close()


def _tell(postgres: MortalPostgres, statement: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(statement.encode())
        connection.execute("select pg_reload_conf()")


async def _reached_the_disk(url: str, store: PostgresStore, call: Call) -> set[bool]:
    """Whether all that was written was on disk when the call returned, in a few tries: the server writes of itself."""
    seen = set[bool]()
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(3):
            await call(store, f"{call}-{number}")
            found = connection.execute("select pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()").fetchone()
            seen.add(bool(found and found[0]))
    return seen


def test_every_room_of_the_store_is_in_one_of_these_lists(alone: PostgresStore) -> None:
    rooms = {name for name in vars(alone) if not name.startswith("_") and name != "hints"}
    listed = {name.split()[0] for name in (*WAITED_FOR, *IN_ORDER, *ALWAYS_LAZY)}
    assert rooms == listed | DELETING | READING


@pytest.mark.parametrize("name", WAITED_FOR)
async def test_what_somebody_outside_relies_on_is_on_disk_when_it_is_said(
    alone: PostgresStore, sluggish: MortalPostgres, name: str
) -> None:
    assert True in await _reached_the_disk(sluggish.url, alone, WAITED_FOR[name])


@pytest.mark.parametrize("name", [*IN_ORDER, *ALWAYS_LAZY])
async def test_what_passes_between_the_stages_of_one_process_is_not_waited_for(
    alone: PostgresStore, sluggish: MortalPostgres, name: str
) -> None:
    assert False in await _reached_the_disk(sluggish.url, alone, (IN_ORDER | ALWAYS_LAZY)[name])


@pytest.mark.parametrize("name", IN_ORDER)
async def test_services_that_stand_apart_wait_for_it(apart: PostgresStore, sluggish: MortalPostgres, name: str) -> None:
    assert True in await _reached_the_disk(sluggish.url, apart, IN_ORDER[name])


@pytest.mark.parametrize("name", ALWAYS_LAZY)
async def test_what_is_done_again_anyway_is_waited_for_by_nobody(
    apart: PostgresStore, sluggish: MortalPostgres, name: str
) -> None:
    assert False in await _reached_the_disk(sluggish.url, apart, ALWAYS_LAZY[name])


async def test_a_crash_leaves_a_moment_that_was_with_all_that_somebody_relies_on(
    alone: PostgresStore, sluggish: MortalPostgres
) -> None:
    events = [received(f"e{number}") for number in range(20)]
    for event in events[:10]:
        await alone.streams.apply(CONSUMER, [event], ToyFold())
    await reserve(alone, "relied on")
    for event in events[10:]:
        await alone.streams.apply(CONSUMER, [event], ToyFold())
    sluggish.server.kill()
    sluggish.server.start()

    after = await PostgresStore.open(sluggish.url, OUTER)
    try:
        assert await after.spending.of_run("relied on") is not None
        again = [verdict for event in events for verdict in await after.streams.apply(CONSUMER, [event], ToyFold())]
    finally:
        await after.close()
    lost = again.count(Verdict.APPLIED)
    assert 0 < lost <= 10
    assert again == [Verdict.DUPLICATE] * (20 - lost) + [Verdict.APPLIED] * lost


async def test_who_remembers_what_the_crash_lost_is_refused_everything(
    alone: PostgresStore, sluggish: MortalPostgres
) -> None:
    await alone.streams.apply(CONSUMER, [received("e1")], ToyFold())
    sluggish.server.kill()
    sluggish.server.start()

    for call in (*WAITED_FOR.values(), *IN_ORDER.values()):
        with pytest.raises(StoreRewound):
            await call(alone, "more")
    with pytest.raises(StoreRewound):
        await alone.now()
    with pytest.raises(StoreRewound):
        await lease(alone, "more")


async def test_an_orderly_restart_of_the_server_loses_nothing_and_the_process_goes_on(
    alone: PostgresStore, sluggish: MortalPostgres
) -> None:
    await alone.streams.apply(CONSUMER, [received("e1")], ToyFold())
    sluggish.server.restart()

    assert await alone.streams.apply(CONSUMER, [received("e1")], ToyFold()) == [Verdict.DUPLICATE]
