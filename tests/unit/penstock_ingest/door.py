"""An ingest in this process: the real application over ASGI, the store in memory."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import PrReceived
from penstock_ingest.adapters.doors import open_doors
from penstock_ingest.app import build_app
from penstock_ingest.handler import Backlog, Receiver
from penstock_ingest.ports import Receipts
from penstock_platforms import registry
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.settings import platform_access
from penstock_store.memory.store import MemoryStore

SECRET = "the secret of the webhook"
LARGEST = 64 * 1024


@dataclass(slots=True)
class House:
    store: MemoryStore = field(default_factory=lambda: MemoryStore(ManualClock()))
    codec: Codec = field(default_factory=Codec)
    receipts: Receipts | None = None
    seconds: float = 5.0
    environ: Mapping[str, str] = field(default_factory=lambda: {"PENSTOCK_WEBHOOK_SECRET_GITHUB": SECRET})
    unsigned: tuple[str, ...] = ()

    def app(self) -> Starlette:
        receiver = Receiver(
            receipts=self.receipts or self.store.receipts,
            doors=open_doors(platform_access(self.environ), self.unsigned, registry.webhook),
            codec=self.codec,
            clock=ManualClock(),
            backlog=Backlog.of(2, self.seconds),
        )
        return build_app(receiver, Metrics(CollectorRegistry()), LARGEST)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app()), base_url="http://ingest.test")

    async def send(self, request: Mapping[str, Any], path: str = "/webhooks/github") -> httpx.Response:
        async with self.client() as client:
            return await client.post(path, **request)

    def stored(self) -> list[Event[PrReceived]]:
        found = []
        for row in self.store.tables.outbox.values():
            event = self.codec.decode(row.headers, row.value)
            assert isinstance(event.fact, PrReceived)
            found.append(Event(event.envelope, event.fact))
        return found


def pull_request(action: str = "opened", **changes: Any) -> dict[str, Any]:
    pull = {
        "number": 7,
        "title": "A change",
        "draft": False,
        "merged": False,
        "user": {"login": "alice"},
        "author_association": "MEMBER",
        "head": {"sha": "a" * 40, "ref": "change"},
        "base": {"sha": "b" * 40, "ref": "main"},
    }
    repository = {"id": 42, "full_name": "acme/shop"}
    told = {"action": action, "pull_request": pull, "repository": repository, "sender": {"login": "alice"}}
    return told | changes


def signed(
    body: object, *, event: str = "pull_request", delivery: str = "d-1", secret: str = SECRET, **headers: str
) -> dict[str, Any]:
    """A request as GitHub sends it."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.digest(secret.encode(), content, "sha256").hex()
    known = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": f"sha256={signature}",
    }
    return {"content": content, "headers": known | {name.replace("_", "-"): text for name, text in headers.items()}}
