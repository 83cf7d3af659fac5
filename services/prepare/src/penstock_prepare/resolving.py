"""Where the text of a configuration comes from (B2): the base branch, read once for the same change."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.ports import PullRequest, Reader
from penstock_prepare.decide import CONFIGURATION, LARGEST_CONFIGURATION
from penstock_runtime.metrics import Metrics
from penstock_store.cache import Cache, CacheName, CachePlace
from penstock_store.cached import Cached, CacheRules, Form

TTL = timedelta(minutes=5)
_MOST = 5_000
_FILE, _NO_FILE = b"+", b"-"


@dataclass(frozen=True, slots=True)
class Text:
    """Of the file as it lies there; None where there is none."""

    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Configurations:
    """What is kept is the text and not what it means, which a newer program may understand better."""

    cached: Cached[Text]

    @classmethod
    def within(cls, cache: Cache, metrics: Metrics, ttl: timedelta = TTL) -> "Configurations":
        return cls(Cached(cache, CacheRules(CacheName.CONFIGURATION, ttl, _MOST), Form(_encoded, _decoded), metrics))

    async def text(self, reader: Reader, ref: PullRequestRef, pull: PullRequest) -> bytes | None:
        """May raise PlatformError."""

        async def load() -> Text:
            raw = await reader.file(ref, CONFIGURATION, pull.base)
            # One byte more than is read: that is all that is said of a larger one.
            return Text(raw if raw is None else raw[: LARGEST_CONFIGURATION + 1])

        return (await self.cached.get_or_load(place_of(ref, pull), load)).raw


def place_of(ref: PullRequestRef, pull: PullRequest) -> CachePlace:
    """By organisation, repository, base commit and changed files; the head stands for these: against one base, it has
    only one set of them."""
    parts = (ref.platform, ref.instance, ref.repository_id, ref.repository, pull.base, pull.head)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return CachePlace(CacheName.CONFIGURATION, key, ref.repository.partition("/")[0], ref.repository)


def _encoded(text: Text) -> bytes:
    return _NO_FILE if text.raw is None else _FILE + text.raw


def _decoded(kept: bytes) -> Text | None:
    if kept == _NO_FILE:
        return Text(None)
    return Text(kept[1:]) if kept.startswith(_FILE) else None
