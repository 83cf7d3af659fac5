"""What was costly to find out: the port of the cache, with a memory and a Postgres adapter that pass one suite."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class CacheName(StrEnum):
    """What is kept. Each is forgotten apart from the others."""

    CONFIGURATION = "configuration"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class CachePlace:
    """Where something is kept: in which cache, under which key, and whose it is, by which it can be forgotten."""

    cache: str
    key: str
    organisation: str = ""
    repository: str = ""


class Cache(Protocol):
    """What was costly to find out, shared by all processes; it may be gone at any time, and then is gone for all.

    Whoever misses an entry claims it with a token of its own, finds it out, and puts it. Forgetting takes claims away
    as well, so that nothing read before can be kept afterwards."""

    async def get(self, place: CachePlace) -> bytes | None:
        """None: never kept, forgotten, too old by the store's clock, or still being found out."""
        ...

    async def claim(self, place: CachePlace, token: str, ttl: timedelta) -> bool:
        """False: somebody else's claim stands, or it is there by now."""
        ...

    async def renew(self, place: CachePlace, token: str, ttl: timedelta) -> bool:
        """False: this claim is gone; a forgotten one is not made again."""
        ...

    async def put(self, place: CachePlace, token: str, value: bytes, ttl: timedelta, most: int) -> bool:
        """False: this claim is gone, and nothing was kept. Of what the cache has beyond `most` entries, those last used
        longest ago go, a hundred at a time."""
        ...

    async def release(self, place: CachePlace, token: str) -> None:
        """The claim without a value; another's is left alone."""
        ...

    async def drop(self, place: CachePlace) -> None:
        """What nobody can read."""
        ...

    async def forget(self, cache: str, *, organisation: str = "", repository: str = "") -> int:
        """What was kept for all of an organisation or for a repository; of everybody where neither is named."""
        ...

    async def clean(self, limit: int) -> int:
        """Takes away what is too old, at most so many rows at a time; how many there were."""
        ...
