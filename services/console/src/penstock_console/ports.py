"""What the console needs of the store: to read jobs, letters and schemas, to put an event on its
way, to settle letters and unblock streams."""

from datetime import datetime
from typing import Protocol

from penstock_store.cache import Cache
from penstock_store.ports import DeadLetters, Jobs, Outbox, Receipts, Schemas, Streams


class Rooms(Protocol):
    """The part of penstock_store.ports.Store that is used here."""

    @property
    def jobs(self) -> Jobs: ...

    @property
    def receipts(self) -> Receipts: ...

    @property
    def dead_letters(self) -> DeadLetters: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def streams(self) -> Streams: ...

    @property
    def schemas(self) -> Schemas: ...

    @property
    def cache(self) -> Cache: ...

    async def now(self) -> datetime: ...
