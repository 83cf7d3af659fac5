"""The chores that the orchestrator keeps house with."""

from datetime import timedelta

from penstock_orchestrator.keeping import CleanCache
from penstock_runtime.clock import ManualClock
from penstock_store.cache import CacheName, CachePlace
from penstock_store.memory.store import MemoryStore


async def test_what_the_cache_keeps_too_long_goes_piece_by_piece() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    for number in range(3):
        place = CachePlace(CacheName.CONFIGURATION, str(number))
        await store.cache.claim(place, "t", timedelta(minutes=1))
        await store.cache.put(place, "t", b"v", timedelta(minutes=5), 100)
    chore = CleanCache(store, limit=2)

    assert (await chore.piece()).done == 0
    clock.advance(300)
    pieces = [await chore.piece() for _ in range(2)]

    assert [(piece.done, piece.more) for piece in pieces] == [(2, True), (1, False)]
