"""The books of model calls, as the judge reads them from the tables."""

import psycopg
import pytest

from penstock_store.postgres import PostgresStore
from penstock_store.spending import Amount, Caps, ModelCall, Reservation
from tests.chaos.at_the_model import booked

pytestmark = pytest.mark.postgres
_JOB = """
insert into workflow.workflow_jobs (id, stream, type, status, subject, created_at)
values (%s, 's:1', 'CODE_REVIEW', 'PROCESSING', 'github:acme/bank#3', clock_timestamp())
"""


async def reserved(store: PostgresStore, run: str) -> Reservation:
    call = ModelCall(run, "pr_review", "", 1, "s:1", "small")
    granted = await store.spending.reserve(call, Amount(4_000, 0), Caps())
    assert isinstance(granted, Reservation)
    return granted


async def test_a_call_that_nobody_settled_counts_with_all_that_was_reserved_for_it(postgres_database: str) -> None:
    store = await PostgresStore.open(postgres_database)
    try:
        with psycopg.connect(postgres_database) as connection:
            connection.execute(_JOB, ("run-1",))
        await store.spending.settle(await reserved(store, "run-1"), 100, 50, 0)
        await store.spending.settle(await reserved(store, "run-1"), 0, 0, 0)
        await reserved(store, "run-1")
        await reserved(store, "run-2")
    finally:
        await store.close()
    assert sorted(booked(postgres_database)) == [("github:acme/bank#3", "run-1", 4_150), ("s:1", "run-2", 4_000)]
