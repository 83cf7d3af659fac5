"""How transactions travel to PostgreSQL: together, in one order of locks, and never for ever."""

import asyncio

import pytest

from penstock_store.errors import StoreUnavailable
from penstock_store.postgres import PostgresStore
from penstock_store.postgres.database import Database, PoolSettings
from penstock_store.rows import Verdict
from tests.support.toy_fold import ToyFold, received

pytestmark = pytest.mark.postgres
STREAMS = [f"toy:host:1:{number}" for number in range(6)]


async def test_many_at_once_on_streams_that_are_new_apply_everything_once(postgres_database: str) -> None:
    store = await PostgresStore.open(postgres_database)
    batches = [
        [received(f"event-{turn}-{stream}", stream) for stream in (STREAMS if turn % 2 else STREAMS[::-1])]
        for turn in range(24)
    ]

    verdicts = await asyncio.gather(*(store.streams.apply("orchestrator", batch, ToyFold()) for batch in batches))

    assert {verdict for batch in verdicts for verdict in batch} == {Verdict.APPLIED}
    for stream in STREAMS:
        sequences = [fact.envelope.sequence for fact in await store.streams.facts(stream)]
        assert sequences == list(range(1, 2 * len(batches) + 1))
    await store.close()


async def test_the_same_events_at_once_are_applied_once(postgres_database: str) -> None:
    store = await PostgresStore.open(postgres_database)
    batch = [received(f"event-{stream}", stream) for stream in STREAMS]

    verdicts = await asyncio.gather(*(store.streams.apply("orchestrator", batch, ToyFold()) for _ in range(12)))

    assert sorted(batch.count(Verdict.APPLIED) for batch in verdicts) == [0] * 11 + [len(STREAMS)]
    await store.close()


async def test_a_process_frozen_in_the_middle_of_a_transaction_is_cut_off(postgres_database: str) -> None:
    frozen = Database(postgres_database, PoolSettings(session_options="-c idle_in_transaction_session_timeout=100"))
    others = Database(postgres_database, PoolSettings())
    await frozen.open()
    await others.open()

    with pytest.raises(StoreUnavailable):
        await _stand_still_until_others_go_on(frozen, others)

    assert await others.value("select fence from workflow.leases where key = 'one'") == 2
    await frozen.close()
    await others.close()


_TAKE = """
insert into workflow.leases (key, fence, expires_at) values ('one', %s, now()) on conflict do nothing returning fence
"""


async def _stand_still_until_others_go_on(frozen: Database, others: Database) -> None:
    async with frozen.pipeline() as connection, asyncio.timeout(20):
        await (await connection.execute(_TAKE, (1,))).fetchall()
        assert await others.value(_TAKE, (2,)) == 2
