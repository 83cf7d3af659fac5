"""The cache in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from penstock_store.cache import CachePlace
from penstock_store.memory.entries import CacheEntry
from penstock_store.memory.tables import Tables


class MemoryCache:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._table = tables.cache

    async def get(self, place: CachePlace) -> bytes | None:
        with self._tables.transaction() as transaction:
            known, now = self._table.get(_key(place)), self._tables.now()
            if known is None or known.value is None or known.expires_at <= now:
                return None
            transaction.put(self._table, _key(place), replace(known, used_at=now))
            return known.value

    async def claim(self, place: CachePlace, token: str, ttl: timedelta) -> bool:
        with self._tables.transaction() as transaction:
            known, now = self._table.get(_key(place)), self._tables.now()
            if known is not None and known.expires_at > now and not known.claimed_by(token):
                return False
            transaction.put(self._table, _key(place), CacheEntry(place, token, None, now + ttl, now))
            return True

    async def renew(self, place: CachePlace, token: str, ttl: timedelta) -> bool:
        with self._tables.transaction() as transaction:
            known = self._table.get(_key(place))
            if known is None or not known.claimed_by(token):
                return False
            transaction.put(self._table, _key(place), replace(known, expires_at=self._tables.now() + ttl))
            return True

    async def put(self, place: CachePlace, token: str, value: bytes, ttl: timedelta, most: int) -> bool:
        with self._tables.transaction() as transaction:
            known, now = self._table.get(_key(place)), self._tables.now()
            if known is None or not known.claimed_by(token):
                return False
            transaction.put(self._table, _key(place), replace(known, value=value, expires_at=now + ttl, used_at=now))
            mine = sorted((entry.used_at, key) for key, entry in self._table.items() if key[0] == place.cache)
            for _, key in mine[: max(0, len(mine) - most)]:
                transaction.drop(self._table, key)
            return True

    async def release(self, place: CachePlace, token: str) -> None:
        self._drop(lambda entry: entry.place == place and entry.claimed_by(token))

    async def drop(self, place: CachePlace) -> None:
        self._drop(lambda entry: _key(entry.place) == _key(place))

    async def forget(self, cache: str, *, organisation: str = "", repository: str = "") -> int:
        def meant(entry: CacheEntry) -> bool:
            place = entry.place
            named = (organisation in ("", place.organisation), repository in ("", place.repository))
            return place.cache == cache and all(named)

        return sum(entry.value is not None for entry in self._drop(meant))

    async def clean(self, limit: int) -> int:
        now = self._tables.now()
        return len(self._drop(lambda entry: entry.expires_at <= now, limit))

    def _drop(self, meant: Callable[[CacheEntry], bool], limit: int | None = None) -> list[CacheEntry]:
        with self._tables.transaction() as transaction:
            chosen = {key: entry for key, entry in self._table.items() if meant(entry)}
            for key in list(chosen)[:limit]:
                transaction.drop(self._table, key)
            return list(chosen.values())[:limit]


def _key(place: CachePlace) -> tuple[str, str]:
    return (place.cache, place.key)
