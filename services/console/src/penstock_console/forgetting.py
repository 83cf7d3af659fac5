"""Forgetting what was kept of an organisation or a repository: in one store for all processes, so at once for all."""

import logging
from dataclasses import dataclass

from penstock_runtime.metrics import Metrics
from penstock_store.cache import Cache, CacheName
from penstock_store.cached import CacheResult

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CacheDesk:
    """Answers of models are left alone: they do not get old by what is configured. Without metrics nobody counts."""

    cache: Cache
    metrics: Metrics | None

    async def forget(self, actor: str, *, organisation: str, repository: str) -> int:
        """How many configurations. What is being read at this moment is not kept either."""
        gone = await self.cache.forget(CacheName.CONFIGURATION, organisation=organisation, repository=repository)
        said = {"actor": actor, "organisation": organisation, "repository": repository, "entries": gone}
        _log.info("configurations were forgotten", extra=said)
        if self.metrics is not None:
            self.metrics.cache.labels(CacheName.CONFIGURATION.value, CacheResult.INVALIDATION.value).inc(gone)
        return gone
