"""What is asked and done after a backup was put back or a log was lost: the port, with a memory and a Postgres adapter
that pass one suite, and what both of them share. Only `penstock db after-restore` writes by it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from penstock_contracts.enums import Stage
from penstock_contracts.envelope import Headers, from_headers
from penstock_contracts.ids import request_id
from penstock_contracts.routing import route
from penstock_store.changes import ExecutionKey, outbox_row
from penstock_store.rows import Lease, NewOutboxRow

REMEMBERED = timedelta(days=90)
"""How long after a restoration the platforms are asked what they show before something is said for the first time."""


class Restoring(Protocol):
    async def moment(self) -> datetime | None:
        """The newest moment of which something is stored: of a backup, about when it was taken."""
        ...

    async def holders(self) -> Sequence[Lease]:
        """The leases that have not expired: somebody is at work, or was a few seconds ago."""
        ...

    async def outstanding(self) -> Sequence[NewOutboxRow]:
        """The requests of open runs that nobody has answered, as they were asked, without those that are unsent."""
        ...

    async def unheard(self, consumer: str, topics: Sequence[str]) -> Sequence[NewOutboxRow]:
        """What was published on these topics and never received by this consumer, each once, in its order."""
        ...

    async def begin_again(self, rows: Sequence[NewOutboxRow], moment: datetime | None) -> None:
        """Puts these rows, forgets the deliveries that were counted on a log that is another one now, and remembers
        that the store was restored to this moment; all in one transaction."""
        ...

    async def was_restored(self) -> bool:
        """Within the time that this is remembered."""
        ...


def event_id(headers: Headers) -> str:
    """Empty where there is none, as of a record of strangers that was sent back."""
    return dict(headers).get("ce_id", b"").decode(errors="replace")


def asked_id(key: ExecutionKey) -> str:
    """Under which id this attempt was asked for."""
    run, stage, part, attempt = key
    return request_id(run, Stage(stage), part, attempt)


def request_row(headers: Headers, value: bytes) -> NewOutboxRow:
    """A stored request as its service reads it."""
    envelope = from_headers(headers)
    return outbox_row(envelope.stream, route(envelope), headers, value)


def without(rows: Iterable[NewOutboxRow], unsent: frozenset[str]) -> Sequence[NewOutboxRow]:
    """What waits in the outbox anyway is not put there twice."""
    return [row for row in rows if event_id(row.headers) not in unsent]
