"""What ingest needs from outside: one transaction, and the doors it opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_platforms.webhooks import Webhook
from penstock_store.rows import NewOutboxRow


class Receipts(Protocol):
    """The one room of the store that ingest enters for a webhook; see penstock_store.ports."""

    async def receive(self, event_id: str, row: NewOutboxRow) -> bool: ...


class Streams(Protocol):
    """Looked at once, at the start; see penstock_store.ports."""

    async def names(self, after: str = "", limit: int = 500) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Door:
    """One instance of a platform. Without secrets it takes unsigned webhooks only if `unsigned` was asked for."""

    instance: str
    webhook: Webhook
    secrets: Sequence[bytes] = ()
    unsigned: bool = False


class Doors(Protocol):
    def find(self, platform: str, instance: str) -> Door | str:
        """The door, or in a sentence why there is none. An empty instance is the platform's only or public one."""
        ...
