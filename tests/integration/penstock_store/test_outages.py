"""What a server that goes away, refuses or is misused becomes."""

import asyncio
import struct
from collections import Counter
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from penstock_contracts.enums import Stage
from penstock_store.errors import RowRefused, StoreUnavailable, WrongCredentials
from penstock_store.hints import Hint
from penstock_store.ports import Store
from penstock_store.postgres import PostgresStore
from penstock_store.postgres.database import PoolSettings
from penstock_store.rows import NewOutboxRow, Place, Verdict
from penstock_store.spending import Amount, Caps, ModelCall
from tests.support.postgres import MortalPostgres
from tests.support.toy_fold import ToyFold, received
from tests.support.waiting import eventually

CONSUMER = "orchestrator"
STREAM = "toy:host:1:7"
FAST = PoolSettings(size=4, checkout_timeout=0.5, connect_timeout=2)


async def warm(store: Store) -> None:
    """Opens every connection of the pool."""
    await asyncio.gather(*(store.streams.apply(CONSUMER, [received(f"w{n}", f"w:{n}")], ToyFold()) for n in range(12)))


async def test_after_kill_9_and_a_restart_of_the_server_the_next_calls_work(mortal_postgres: MortalPostgres) -> None:
    store = await PostgresStore.open(mortal_postgres.url, FAST)
    try:
        await warm(store)
        await store.streams.apply(CONSUMER, [received("e1")], ToyFold())
        mortal_postgres.server.kill()

        with pytest.raises(StoreUnavailable):
            await store.streams.apply(CONSUMER, [received("e2")], ToyFold())
        with pytest.raises(StoreUnavailable):
            await store.check()
        assert await store.leases.is_locked("anything")
        mortal_postgres.server.start()

        async def works() -> bool:
            try:
                return bool(await store.streams.apply(CONSUMER, [received("e2")], ToyFold()))
            except StoreUnavailable:
                return False

        await becomes_true(works)
        assert len(await store.streams.facts(STREAM)) == 4
    finally:
        await store.close()


async def test_after_a_restart_no_call_meets_a_connection_from_before(mortal_postgres: MortalPostgres) -> None:
    store = await PostgresStore.open(mortal_postgres.url, FAST)
    try:
        await warm(store)
        mortal_postgres.server.restart()

        await store.now()
        await asyncio.gather(*(store.now() for _ in range(8)))

        await warm(store)
        mortal_postgres.server.restart()
        assert await store.receipts.receive("first", NewOutboxRow("s", "t", "s", None, (), b"v"))
        await asyncio.gather(*(store.now() for _ in range(8)))
    finally:
        await store.close()


async def test_what_was_reserved_is_in_the_books_though_the_server_was_killed_while_counts_were_not_waited_for(
    mortal_postgres: MortalPostgres,
) -> None:
    """On the same pool: that counts need not be on disk is a matter of their own transaction alone."""
    granted = Counter[str]()
    for _ in range(3):
        store = await PostgresStore.open(mortal_postgres.url, FAST)
        try:
            await _killed_while_reserving(store, mortal_postgres, granted)
        finally:
            await store.close()
        with psycopg.connect(mortal_postgres.url) as connection:
            kept = connection.execute("select run_id, count(*) from workflow.model_spending group by 1").fetchall()
        assert Counter(dict(kept)) >= granted


async def _killed_while_reserving(store: Store, postgres: MortalPostgres, granted: Counter[str]) -> None:
    async def reserve(run: str) -> None:
        while True:
            await store.spending.reserve(ModelCall(run, "pr_review", "", 1, run, "small"), Amount(100), Caps())
            granted[run] += 1

    async def count() -> None:
        while True:
            await store.deliveries.count(CONSUMER, [Place("t", 0, 1)])
            await store.deliveries.take_back(CONSUMER, [Place("t", 0, 1)])

    calls = [asyncio.create_task(call) for call in (reserve("r1"), reserve("r2"), count(), count())]
    enough = granted.total() + 100
    await eventually(lambda: granted.total() > enough)
    postgres.server.kill()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in ended] == [StoreUnavailable] * len(calls)
    postgres.server.start()


async def test_hints_are_heard_again_after_a_restart(mortal_postgres: MortalPostgres) -> None:
    store = await PostgresStore.open(mortal_postgres.url, FAST)
    other = await PostgresStore.open(mortal_postgres.url, FAST)
    try:
        wake = asyncio.Event()
        store.hints.subscribe(Hint.OUTBOX, wake)
        await eventually(wake.is_set)
        mortal_postgres.server.restart()
        wake.clear()

        async def heard() -> bool:
            try:
                await other.outbox.put([NewOutboxRow("s", "t", "s", None, (), b"v")])
            except StoreUnavailable:
                return False
            return wake.is_set()

        await becomes_true(heard)
    finally:
        await store.close()
        await other.close()


async def test_a_wrong_password_is_named(postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        trusting = connection.execute("select count(*) from pg_hba_file_rules where auth_method = 'trust'").fetchone()
    if trusting and trusting[0]:
        url = psycopg.conninfo.make_conninfo(postgres_database, user="nobody_we_know")
    else:
        url = psycopg.conninfo.make_conninfo(postgres_database, password="wrong")
    with pytest.raises(WrongCredentials):
        await PostgresStore.open(url)


async def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    with pytest.raises(StoreUnavailable):
        await PostgresStore.open("postgresql://nobody@127.0.0.1:1/nothing", FAST)


async def test_a_server_that_freezes_right_after_the_connection_is_unavailable_within_seconds() -> None:
    taken: list[asyncio.StreamWriter] = []

    async def freezing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if taken:  # whoever gives up asks on another connection to cancel its query
            taken[0].close()
            writer.close()
            return
        taken.append(writer)
        while await _start_packet(reader) != _PROTOCOL:
            writer.write(b"N")  # neither encrypted by this nor by that
        writer.write(_WELCOME)

    async with await asyncio.start_server(freezing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StoreUnavailable, match=r"no answer.*is the server of PENSTOCK_DATABASE_URL up"):
            async with asyncio.timeout(20):
                await PostgresStore.open(f"postgresql://somebody@127.0.0.1:{port}/nothing", FAST)


_PROTOCOL = 3 << 16
_WELCOME = b"R" + struct.pack("!ii", 8, 0) + b"K" + struct.pack("!iii", 12, 1, 1) + b"Z" + struct.pack("!i", 5) + b"I"
"""Authenticated, with a key to cancel by, and ready for a query."""


async def _start_packet(reader: asyncio.StreamReader) -> int:
    """What a client wants before it says who it is: to encrypt, or this version of the protocol."""
    length, code = struct.unpack("!ii", await reader.readexactly(8))
    await reader.readexactly(length - 8)
    return int(code)


async def test_a_database_that_only_lets_us_read_is_not_ready(postgres_database: str) -> None:
    read_only = PoolSettings(size=1, session_options="-c default_transaction_read_only=on")
    store = await PostgresStore.open(postgres_database, read_only)
    try:
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.check()
    finally:
        await store.close()


async def test_a_pool_that_is_used_up_is_unavailable(postgres_database: str) -> None:
    store = await PostgresStore.open(postgres_database, PoolSettings(size=1, checkout_timeout=0.2))
    try:
        async with await psycopg.AsyncConnection.connect(postgres_database) as rival:
            await rival.execute("lock table workflow.inbox_messages")
            stuck = asyncio.create_task(store.streams.apply(CONSUMER, [received("e1")], ToyFold()))
            await _eventually_waiting(postgres_database)
            with pytest.raises(StoreUnavailable):
                await store.now()
            await rival.rollback()
            assert list(await stuck) == [Verdict.APPLIED]
    finally:
        await store.close()


async def test_a_row_that_the_database_refuses_stalls_its_event_only(store: Store) -> None:
    batch = [received("bad", command="nul"), received("e2"), received("e3", "toy:host:1:8")]

    verdicts = await store.streams.apply(CONSUMER, batch, ToyFold())

    assert list(verdicts) == [Verdict.STALLED, Verdict.APPLIED, Verdict.APPLIED]
    (letter,) = await store.dead_letters.letters()
    assert letter.event_id == "bad"
    assert letter.error.startswith("RowRefused")
    assert "`penstock dlq discard" in letter.remedy


async def test_values_that_the_database_refuses_are_refused_by_name(store: Store) -> None:
    with pytest.raises(RowRefused):
        await store.executions.still_wanted("\x00", Stage.AST, "", 1)


async def test_without_prepared_statements_and_options_everything_works(postgres_database: str) -> None:
    """What a pooler in transaction mode asks for."""
    settings = PoolSettings(prepare_threshold=None, session_options="")
    store = await PostgresStore.open(postgres_database, settings, direct_url=postgres_database)
    try:
        for number in range(8):
            await store.streams.apply(CONSUMER, [received(f"e{number}")], ToyFold())
        assert len(await store.streams.facts(STREAM)) == 16
        with psycopg.connect(postgres_database) as connection:
            prepared = connection.execute("select count(*) from pg_prepared_statements").fetchone()
        assert prepared == (0,)
    finally:
        await store.close()


async def test_a_cancelled_apply_leaves_nothing_and_its_connection_to_the_next(postgres_database: str) -> None:
    store = await PostgresStore.open(postgres_database, PoolSettings(size=1))
    try:
        async with await psycopg.AsyncConnection.connect(postgres_database) as rival:
            await rival.execute("lock table workflow.inbox_messages")
            stuck = asyncio.create_task(store.streams.apply(CONSUMER, [received("e1")], ToyFold()))
            await _eventually_waiting(postgres_database)
            stuck.cancel()
            with pytest.raises(asyncio.CancelledError):
                await stuck
            await rival.rollback()
        assert list(await store.streams.apply(CONSUMER, [received("e1")], ToyFold())) == [Verdict.APPLIED]
    finally:
        await store.close()


async def _eventually_waiting(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:

        async def waiting() -> bool:
            cursor = await connection.execute("select exists (select 1 from pg_locks where not granted)")
            return bool((await cursor.fetchone() or (False,))[0])

        await becomes_true(waiting)


async def becomes_true(condition: Callable[[], Awaitable[bool]]) -> None:
    awaited: Callable[[], bool | Awaitable[bool]] = condition
    await eventually(awaited)
