"""A webhook → pr.received: verified, normalised, stored with its outbox row in one transaction, then answered."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import PrReceived
from penstock_contracts.routing import route
from penstock_ingest.decide import Answer, event_of, ignored, rejected, taken
from penstock_ingest.errors import StoreTooSlow
from penstock_ingest.ports import Door, Doors, Receipts
from penstock_platforms.errors import SignatureInvalid, SignatureMissing, WebhookError
from penstock_platforms.webhooks import Ignored, answer_kind
from penstock_runtime.clock import Clock
from penstock_runtime.logs import log_context
from penstock_runtime.tracing import inject
from penstock_store.errors import StoreError
from penstock_store.rows import NewOutboxRow

RETRY_AFTER = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many webhooks may wait for the store, and how long; beyond that an honest 503 beats a platform's time-out."""

    places: asyncio.Semaphore
    seconds: float = 5.0

    @classmethod
    def of(cls, places: int, seconds: float) -> "Backlog":
        return cls(asyncio.Semaphore(places), seconds)


@dataclass(frozen=True, slots=True)
class Receiver:
    receipts: Receipts
    doors: Doors
    codec: Codec
    clock: Clock
    backlog: Backlog

    async def received(self, platform: str, instance: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Header names in lower case. Whatever is sent is answered; nothing that was not stored is answered 202
        accepted."""
        door = self.doors.find(platform, instance)
        if isinstance(door, str):
            return rejected(404, door)
        delivery = door.webhook.delivery_id(headers)
        with log_context(platform=platform, delivery_id=delivery or None):
            answer = await self._answer(door, headers, body, delivery)
            facts = {
                "status": answer.status.value,
                "kind": answer.kind,
                "reason": answer.reason,
                "stream": answer.stream,
            }
            _log.log(logging.INFO if answer.code < 300 else logging.WARNING, "webhook", extra=facts)
        return answer

    async def _answer(self, door: Door, headers: Mapping[str, str], body: bytes, delivery: str) -> Answer:
        try:
            if not door.unsigned:
                door.webhook.verify(headers, body, door.secrets)
            said = door.webhook.normalise(headers, body, door.instance)
        except (SignatureMissing, SignatureInvalid) as error:
            return rejected(401, str(error), delivery)
        except WebhookError as error:
            return rejected(400, str(error), delivery)
        if isinstance(said, Ignored):
            return ignored(said.delivery_id, answer_kind(said), said.reason)
        event = event_of(said, self.clock.now(), *inject())
        try:
            return taken(event, answer_kind(said), new=await self._store(event))
        except (StoreError, StoreTooSlow) as error:  # a right that was taken away is as good as no database
            _log.warning("not stored", extra={"error": str(error)})
            return rejected(503, "it cannot be stored at the moment: send it again", delivery, RETRY_AFTER)

    async def _store(self, event: Event[PrReceived]) -> bool:
        """Whether it is new. Stored or not, after the time-out it is answered; sent again it is then a duplicate."""
        target, encoded = route(event.envelope), self.codec.encode(event)
        row = NewOutboxRow(
            stream=event.envelope.stream,
            topic=target.topic,
            key=target.key,
            spread=target.spread,
            headers=encoded.headers,
            value=encoded.value,
        )
        try:
            async with asyncio.timeout(self.backlog.seconds), self.backlog.places:
                return await self.receipts.receive(event.envelope.id, row)
        except TimeoutError:
            raise StoreTooSlow(f"not within {self.backlog.seconds:g} s") from None


HANDLES = {"POST /webhooks/{platform}[/{instance}]": Receiver.received}
