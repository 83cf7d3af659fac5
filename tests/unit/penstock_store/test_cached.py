"""Found out once: by one of many, in one process or several, whatever the cache, the loader or the callers do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_store.cache import CachePlace
from penstock_store.cached import Cached, CacheRules, Form
from penstock_store.memory.store import MemoryStore
from tests.support.waiting import eventually

RULES = CacheRules("configuration", ttl=timedelta(minutes=5), most=100)


def read(kept: bytes) -> str | None:
    return kept[1:].decode() if kept.startswith(b"=") else None


FORM: Form[str] = Form(lambda value: b"=" + value.encode(), read)


class Process:
    """A process with its own use of the cache, its metrics, and a wait that lets the time of the store pass."""

    def __init__(self, store: MemoryStore, rules: CacheRules = RULES) -> None:
        self.store = store
        self.metrics = Metrics(CollectorRegistry())
        self.paused: list[float] = []
        self.when_paused: Callable[[], None] = lambda: None
        self.cached = Cached(store.cache, rules, FORM, self.metrics, self._pause)
        self.place = self.cached.place("k", "acme", "acme/shop")

    async def _pause(self, seconds: float) -> None:
        """A renewal waits for ever, as it would beside a quick loader."""
        if seconds == RULES.claim.total_seconds() / 3:
            await asyncio.Event().wait()
        self.paused.append(seconds)
        clock = self.store.tables.clock
        assert isinstance(clock, ManualClock)
        clock.advance(seconds)
        self.when_paused()
        for _ in range(10):  # turns for whoever goes on
            await asyncio.sleep(0)

    def count(self, result: str) -> float:
        labels = {"cache": "configuration", "result": result}
        return self.metrics.registry.get_sample_value("cache_operations_total", labels) or 0.0

    def counts(self) -> tuple[float, float, float]:
        return (self.count("hit"), self.count("miss"), self.count("load"))

    async def get(self, loader: Callable[[], Awaitable[str]]) -> str:
        return await self.cached.get_or_load(self.place, loader)


class Loader:
    """Counts its calls; waits in each until it is let go, where it is told to."""

    def __init__(self, *says: str | Exception, held: bool = False) -> None:
        self.says = list(says)
        self.calls = 0
        self.free = asyncio.Event()
        if not held:
            self.free.set()

    async def __call__(self) -> str:
        self.calls += 1
        said = self.says[min(self.calls, len(self.says)) - 1]
        await self.free.wait()
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def process(store: MemoryStore) -> Process:
    return Process(store)


async def test_the_second_call_does_not_load(process: Process) -> None:
    loader = Loader("yes")
    assert [await process.get(loader), await process.get(loader)] == ["yes", "yes"]
    assert loader.calls == 1
    assert process.counts() == (1, 1, 1)


async def test_another_process_finds_what_this_one_kept(process: Process, store: MemoryStore) -> None:
    await process.get(Loader("yes"))
    other, loader = Process(store), Loader("no")
    assert await other.get(loader) == "yes"
    assert loader.calls == 0
    assert other.counts() == (1, 0, 0)


async def test_forgotten_in_one_process_it_is_loaded_again_in_another(process: Process, store: MemoryStore) -> None:
    await process.get(Loader("old"))
    await Process(store).store.cache.forget("configuration", repository="acme/shop")
    assert await process.get(Loader("new")) == "new"


async def test_after_its_time_it_is_loaded_again(process: Process, clock: ManualClock) -> None:
    await process.get(Loader("old"))
    clock.advance(RULES.ttl.total_seconds() - 1)
    assert await process.get(Loader("new")) == "old"
    clock.advance(1)
    assert await process.get(Loader("new")) == "new"


async def test_of_many_at_once_in_a_process_one_loads(process: Process) -> None:
    loader = Loader("yes", held=True)
    asking = [asyncio.create_task(process.get(loader)) for _ in range(10)]
    await eventually(lambda: loader.calls)
    loader.free.set()

    assert await asyncio.gather(*asking) == ["yes"] * 10
    assert loader.calls == 1
    assert process.paused == []


async def test_of_several_processes_one_loads_and_the_others_wait_for_it(process: Process, store: MemoryStore) -> None:
    loader, other = Loader("yes", held=True), Process(store)
    first = asyncio.create_task(process.get(loader))
    await eventually(lambda: loader.calls)
    other.when_paused = loader.free.set

    assert await other.get(loader) == "yes"
    assert await first == "yes"
    assert loader.calls == 1
    assert len(other.paused) == 1
    assert other.counts() == (0, 1, 0)


async def test_who_has_waited_long_enough_loads_for_itself(process: Process, store: MemoryStore) -> None:
    slow, other = Loader("slow", held=True), Process(store)
    first = asyncio.create_task(process.get(slow))
    await eventually(lambda: slow.calls)

    assert await other.get(Loader("quick")) == "quick"
    assert sum(other.paused) == pytest.approx(RULES.patience)

    slow.free.set()
    assert await first == "slow"
    assert await other.get(Loader("again")) == "slow", "only whoever has the claim keeps what it loaded"


async def test_where_the_loader_was_killed_the_next_one_takes_over(store: MemoryStore) -> None:
    patient = CacheRules("configuration", RULES.ttl, RULES.most, patience=60)
    process = Process(store, patient)
    await store.cache.claim(process.place, "killed", patient.claim)

    assert await process.get(Loader("yes")) == "yes"
    assert patient.claim.total_seconds() <= sum(process.paused) < patient.claim.total_seconds() + 2
    assert await Process(store).get(Loader("no")) == "yes"


async def test_a_long_load_keeps_its_claim(store: MemoryStore, clock: ManualClock) -> None:
    pauses: asyncio.Queue[float] = asyncio.Queue()

    async def pause(seconds: float) -> None:
        await pauses.put(seconds)
        await pauses.join()

    async def passes() -> None:
        clock.advance(await pauses.get())
        pauses.task_done()

    cached = Cached(store.cache, RULES, FORM, Metrics(CollectorRegistry()), pause)
    loader = Loader("yes", held=True)
    loading = asyncio.create_task(cached.get_or_load(cached.place("k"), loader))
    for _ in range(10):
        await asyncio.wait_for(passes(), 10)
    await asyncio.wait_for(pauses.get(), 10)

    assert not await store.cache.claim(cached.place("k"), "other", RULES.claim)
    loader.free.set()
    assert await loading == "yes"


async def test_a_failed_load_is_told_and_the_next_in_turn_loads_at_once(process: Process) -> None:
    loader = Loader(ValueError("no"), "yes")
    asking = [asyncio.create_task(process.get(loader)) for _ in range(2)]
    first, second = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, ValueError)
    assert second == "yes"
    assert process.paused == []


async def test_who_stops_waiting_takes_nothing_from_the_others(process: Process) -> None:
    loader = Loader("yes", held=True)
    asking = [asyncio.create_task(process.get(loader)) for _ in range(3)]
    await eventually(lambda: loader.calls)
    asking[0].cancel()
    await asyncio.wait({asking[0]})
    loader.free.set()

    assert await asyncio.gather(*asking[1:]) == ["yes", "yes"]
    assert loader.calls == 2
    assert process.paused == [], "the claim of the one that was cancelled was given back"


async def test_what_was_forgotten_while_it_was_read_is_used_but_not_kept(process: Process, store: MemoryStore) -> None:
    loader = Loader("old", "new", held=True)
    asking = [asyncio.create_task(process.get(loader)) for _ in range(2)]
    await eventually(lambda: loader.calls)
    await store.cache.forget("configuration", organisation="acme")
    loader.free.set()

    assert await asyncio.gather(*asking) == ["old", "new"]


async def test_what_cannot_be_read_is_a_miss_and_loaded_again(process: Process, store: MemoryStore) -> None:
    await store.cache.claim(process.place, "t", RULES.claim)
    await store.cache.put(process.place, "t", b"\xff rubbish", RULES.ttl, RULES.most)

    assert await process.get(Loader("yes")) == "yes"
    assert await process.get(Loader("no")) == "yes"
    assert process.count("unreadable") == 1


async def test_a_store_that_is_away_costs_a_load_each_time_and_one_line_in_the_log(
    process: Process, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.go_away()
    loader = Loader("yes")
    with caplog.at_level(logging.WARNING, "penstock_store.cached"):
        assert [await process.get(loader), await process.get(loader)] == ["yes", "yes"]
    assert loader.calls == 2
    assert [record.message for record in caplog.records] == ["the cache cannot be used"] * 2
    assert process.counts() == (0, 2, 2)
    assert process.count("failure") == 2


async def test_a_store_that_goes_away_during_the_load_loses_nothing_but_the_entry(
    process: Process, store: MemoryStore
) -> None:
    async def load() -> str:
        store.go_away()
        return "yes"

    assert await process.get(load) == "yes"
    store.come_back()
    assert process.count("failure") == 1


async def test_nothing_is_remembered_of_keys_that_nobody_asks_for(process: Process) -> None:
    for number in range(3):
        place = CachePlace("configuration", str(number))
        await process.cached.get_or_load(place, Loader("yes"))
    assert process.cached._turns == {}
