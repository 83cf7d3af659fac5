"""Whose the leases of a process are."""

from datetime import timedelta

from penstock_contracts.codec import Codec
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.workbench import Workbench, workbench
from penstock_store.memory.store import MemoryStore
from tests.support.assembling import context_of

TTL = timedelta(seconds=10)


def bench(store: MemoryStore, instance: str) -> Workbench:
    return workbench(context_of({}), store, MemoryLog(), Codec(), instance)


async def test_who_is_started_again_under_a_lasting_name_has_its_leases_at_once_with_a_new_fence() -> None:
    store = MemoryStore(context_of({}).clock)
    dead = await store.leases.acquire("relay:0", bench(store, "pod-0").holder, TTL)
    assert await store.leases.acquire("relay:0", bench(store, "pod-1").holder, TTL) is None
    again = await store.leases.acquire("relay:0", bench(store, "pod-0").holder, TTL)
    assert dead is not None
    assert again is not None
    assert again.fence > dead.fence


async def test_without_a_lasting_name_a_lease_is_of_this_process_alone() -> None:
    context = context_of({})
    assert bench(MemoryStore(context.clock), "").holder == context.instance
