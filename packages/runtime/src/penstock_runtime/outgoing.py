"""HTTP clients for requests we make: connections are reused per host and everything has a time limit.

This module imports httpx; processes that call nobody do not import it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from penstock_runtime.calls import OutgoingSettings
from penstock_runtime.metrics import Metrics


class OutgoingClient(httpx.AsyncClient):
    """A client whose requests end within a total time, and are counted by host and answer, where there are metrics.

    Where the total runs out httpx.ReadTimeout is raised, as for any silence. A streamed body is not part of it: who
    streams bounds the reading. Proxy and CA variables are obeyed; redirects are not followed.
    """

    def __init__(
        self,
        settings: OutgoingSettings,
        metrics: Metrics | None,
        *,
        base_url: str = "",
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            base_url=base_url,
            headers=headers,
            transport=transport,
            timeout=httpx.Timeout(settings.call_seconds),
            limits=httpx.Limits(
                max_connections=settings.connections,
                max_keepalive_connections=settings.idle_connections,
                keepalive_expiry=settings.idle_seconds,
            ),
        )
        self._total = settings.total_seconds
        self._counted = metrics.http_calls if metrics else None

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = "failed"
        try:
            async with asyncio.timeout(self._total):
                response: httpx.Response = await super().send(request, **options)
            answer = str(response.status_code)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"no answer within {self._total:g} s in all", request=request) from error
        finally:
            if self._counted:
                self._counted.labels(request.url.host, answer).inc()
        return response
