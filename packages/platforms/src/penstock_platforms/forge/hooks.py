"""Webhooks as GitHub sends them: signed, tried once, sent again only on demand and then under the same id."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx


@dataclass(frozen=True, slots=True)
class Hook:
    url: str
    secret: str


@dataclass(slots=True)
class Delivery:
    """One webhook; every attempt adds the status it was answered with, 0 for no answer."""

    id: int
    guid: str
    event: str
    action: str
    body: bytes
    attempts: list[int] = field(default_factory=list)
    under_way: int = 0
    """How often it is still to be sent, or is being sent."""

    @property
    def delivered(self) -> bool:
        return any(200 <= status < 300 for status in self.attempts)


class Hooks:
    """Sends from a few tasks of its own, so webhooks may overtake each other as they do at GitHub."""

    def __init__(self, hook: Hook | None, *, senders: int = 8, patience: float = 10.0) -> None:
        self._hook = hook
        self._senders = senders
        self._patience = patience
        self._deliveries: list[Delivery] = []
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        self._client = httpx.AsyncClient(timeout=self._patience, trust_env=False)
        self._tasks = [asyncio.create_task(self._send_all(self._client)) for _ in range(self._senders)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._client is not None:
            await self._client.aclose()

    def point_at(self, hook: Hook | None) -> None:
        """Where everything from now on is sent; None sends nothing and only remembers."""
        self._hook = hook

    def emit(self, event: str, payload: Mapping[str, Any]) -> Delivery:
        delivery = Delivery(
            id=len(self._deliveries) + 1,
            guid=str(uuid4()),
            event=event,
            action=str(payload.get("action", "")),
            body=json.dumps(payload).encode(),
        )
        self._deliveries.append(delivery)
        self.redeliver(delivery)
        return delivery

    def redeliver(self, delivery: Delivery) -> None:
        delivery.under_way += 1
        self._queue.put_nowait(delivery)

    def redeliver_failed(self) -> int:
        """Not what is under way: for whoever asks often the queue would only grow."""
        failed = [delivery for delivery in self._deliveries if not (delivery.delivered or delivery.under_way)]
        for delivery in failed:
            self.redeliver(delivery)
        return len(failed)

    def deliveries(self) -> tuple[Delivery, ...]:
        return tuple(self._deliveries)

    def find(self, delivery_id: int | str) -> Delivery | None:
        return next((each for each in self._deliveries if delivery_id in (each.id, each.guid)), None)

    async def idle(self) -> None:
        """Returns when everything emitted so far was tried."""
        await self._queue.join()

    def request(self, delivery: Delivery, hook: Hook) -> httpx.Request:
        """Exactly what is sent, for tests that hand it over themselves."""
        digest = hmac.digest(hook.secret.encode(), delivery.body, "sha256").hex()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/forge",
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Hook-ID": "1",
            "X-Hub-Signature-256": f"sha256={digest}",
        }
        return httpx.Request("POST", hook.url, headers=headers, content=delivery.body)

    async def _send_all(self, client: httpx.AsyncClient) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                if self._hook is not None:
                    delivery.attempts.append(await self._send(client, self.request(delivery, self._hook)))
            finally:
                delivery.under_way -= 1
                self._queue.task_done()

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> int:
        try:
            return (await client.send(request)).status_code
        except httpx.HTTPError:
            return 0
