"""Something that is costly to find out, found out once: looked for in the cache, else loaded by one and kept for all.

1. Look. What is there is the answer, and nothing else is done.
2. Within this process one goes on for each key; the others wait for it and look again.
3. Across processes the one whose claim stands loads. The others look again and again for a while, and then load for
   themselves, without keeping it: better twice than late.
4. Load, with the claim renewed meanwhile: where its holder was killed, it is soon another's.
5. Keep it, unless the claim was taken away: then the place was forgotten while this was being read.

The cache only ever saves work: where it cannot be used, everything is loaded.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import uuid4

from penstock_runtime.metrics import Metrics
from penstock_store.cache import Cache, CachePlace
from penstock_store.errors import StoreError

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_log = logging.getLogger(__name__)


class CacheResult(StrEnum):
    """What is counted. Every look is a hit or a miss; a miss that finds what another loaded is no load."""

    HIT = "hit"
    MISS = "miss"
    LOAD = "load"
    INVALIDATION = "invalidation"
    UNREADABLE = "unreadable"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CacheRules:
    """`patience`: seconds to wait for what another process loads. `claim`: how long a claim stands that is not renewed,
    which is how long a loader that was killed is waited for."""

    name: str
    ttl: timedelta
    most: int
    patience: float = 1.0
    claim: timedelta = timedelta(seconds=9)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How a value is kept. `decode` gives None for what it cannot read, which is then loaded again."""

    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T | None]


class Cached(Generic[T]):
    """One cache, as one process uses it. Shared by all tasks of an event loop."""

    def __init__(
        self, cache: Cache, rules: CacheRules, form: Form[T], metrics: Metrics, pause: Pause = asyncio.sleep
    ) -> None:
        self._cache = cache
        self._rules = rules
        self._form = form
        self._metrics = metrics
        self._pause = pause
        self._turns: dict[str, _Turn] = {}

    def place(self, key: str, organisation: str = "", repository: str = "") -> CachePlace:
        return CachePlace(self._rules.name, key, organisation, repository)

    async def get_or_load(self, place: CachePlace, load: Callable[[], Awaitable[T]]) -> T:
        """Raises what `load` raises, to whoever called it: the next in turn loads for itself."""
        try:
            found = await self._look(place)
        except StoreError as error:
            self._count(CacheResult.MISS)
            return await self._load_without(error, load)
        self._count(CacheResult.MISS if found is None else CacheResult.HIT)
        if found is not None:
            return found
        async with self._turn(place.key):
            token = uuid4().hex
            try:
                found = await self._found_or_claimed(place, token)
            except StoreError as error:
                return await self._load_without(error, load)
            return await self._loaded(place, token, load) if found is None else found

    async def _look(self, place: CachePlace) -> T | None:
        kept = await self._cache.get(place)
        if kept is None:
            return None
        value = self._form.decode(kept)
        if value is None:
            self._count(CacheResult.UNREADABLE)
            await self._cache.drop(place)
        return value

    async def _found_or_claimed(self, place: CachePlace, token: str) -> T | None:
        """None: it has to be loaded, with the claim or, when patience is at an end, without."""
        for pause in _pauses(self._rules.patience):
            if await self._cache.claim(place, token, self._rules.claim):
                return None
            found = await self._look(place)
            if found is not None:
                return found
            await self._pause(pause)
        await self._cache.claim(place, token, self._rules.claim)
        return await self._look(place)

    async def _loaded(self, place: CachePlace, token: str, load: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._renewed(place, token):
                value = await self._load(load)
        except (Exception, asyncio.CancelledError):
            with suppress(StoreError):  # then the claim ends by itself
                await self._cache.release(place, token)
            raise
        try:
            await self._cache.put(place, token, self._form.encode(value), self._rules.ttl, self._rules.most)
        except StoreError as error:
            self._failed(error)
        return value

    @asynccontextmanager
    async def _renewed(self, place: CachePlace, token: str) -> AsyncIterator[None]:
        renewing = asyncio.create_task(self._renew(place, token))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _renew(self, place: CachePlace, token: str) -> None:
        stands = True
        while stands:
            await self._pause(self._rules.claim.total_seconds() / 3)
            with suppress(StoreError):  # the next time may come early enough
                stands = await self._cache.renew(place, token, self._rules.claim)

    async def _load_without(self, error: StoreError, load: Callable[[], Awaitable[T]]) -> T:
        self._failed(error)
        return await self._load(load)

    async def _load(self, load: Callable[[], Awaitable[T]]) -> T:
        self._count(CacheResult.LOAD)
        return await load()

    def _failed(self, error: StoreError) -> None:
        self._count(CacheResult.FAILURE)
        _log.warning("the cache cannot be used", extra={"cache": self._rules.name, "error": str(error)})

    def _count(self, result: CacheResult) -> None:
        self._metrics.cache.labels(self._rules.name, result.value).inc()

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """One at a time for each key; a turn that nobody wants any more is forgotten."""
        turn = self._turns.setdefault(key, _Turn(asyncio.Lock()))
        turn.wanted += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[key]


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock
    wanted: int = 0


def _pauses(patience: float) -> Iterator[float]:
    """Growing, together as long as the patience; at least one."""
    pause, left = _FIRST_PAUSE, patience
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause = min(2 * pause, _LONGEST_PAUSE)
