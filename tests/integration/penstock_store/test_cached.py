"""Found out once by processes that share a database and nothing else, each with its own pool."""

import asyncio
from datetime import timedelta

from prometheus_client import CollectorRegistry

from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS
from penstock_store.cache import CacheName
from penstock_store.cached import Cached, CacheRules, Form
from penstock_store.ports import Store
from tests.suites.store.worlds import Reopen

RULES = CacheRules(CacheName.CONFIGURATION, ttl=timedelta(minutes=5), most=100, patience=30)
FORM: Form[str] = Form(str.encode, bytes.decode)


def cached(store: Store) -> Cached[str]:
    return Cached(store.cache, RULES, FORM, Metrics(CollectorRegistry()))


async def test_of_many_tasks_in_several_processes_one_loads(reopen: Reopen) -> None:
    processes = [cached(await reopen(NO_STEPS)) for _ in range(3)]
    place, loads = processes[0].place("k", "acme", "acme/shop"), 0

    async def load() -> str:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0)
        return "yes"

    found = await asyncio.gather(*(one.get_or_load(place, load) for one in processes for _ in range(5)))

    assert found == ["yes"] * 15
    assert loads == 1


async def test_what_one_process_forgets_every_other_loads_again(reopen: Reopen) -> None:
    first, second, third = [await reopen(NO_STEPS) for _ in range(3)]
    place, says = cached(first).place("k", "acme", "acme/shop"), ["old", "new"]

    async def load() -> str:
        return says.pop(0)

    assert await cached(first).get_or_load(place, load) == "old"
    assert await cached(second).get_or_load(place, load) == "old"
    assert await third.cache.forget(CacheName.CONFIGURATION, organisation="acme") == 1
    assert await cached(second).get_or_load(place, load) == "new"
    assert await cached(first).get_or_load(place, load) == "new"


async def test_what_is_forgotten_while_another_process_reads_it_is_not_kept(reopen: Reopen) -> None:
    first, second = await reopen(NO_STEPS), await reopen(NO_STEPS)
    place = cached(first).place("k", "acme", "acme/shop")

    async def load() -> str:
        await second.cache.forget(CacheName.CONFIGURATION, repository="acme/shop")
        return "stale"

    assert await cached(first).get_or_load(place, load) == "stale"
    assert await second.cache.get(place) is None
