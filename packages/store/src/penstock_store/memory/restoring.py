"""What follows a restored backup, in memory."""

from collections.abc import Sequence
from datetime import datetime

from penstock_contracts.enums import ExecutionState
from penstock_store.memory.tables import Tables
from penstock_store.restoring import REMEMBERED, asked_id, event_id, request_row, without
from penstock_store.rows import Lease, NewOutboxRow


class MemoryRestoring:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def moment(self) -> datetime | None:
        self._tables.ask()
        stored = [fact.time for facts in self._tables.facts.values() for fact in facts]
        said = [row.updated_at for row in self._tables.effects.values() if row.updated_at is not None]
        return max((*stored, *said), default=None)

    async def holders(self) -> Sequence[Lease]:
        self._tables.ask()
        now = self._tables.now()
        return [lease for _, lease in sorted(self._tables.leases.items()) if lease.expires_at > now]

    async def outstanding(self) -> Sequence[NewOutboxRow]:
        self._tables.ask()
        asked = {
            asked_id(key)
            for key, row in self._tables.executions.items()
            if row.state is ExecutionState.ASKED and self._is_open(row.run_id)
        }
        facts = (fact for _, stored in sorted(self._tables.facts.items()) for fact in stored)
        return without(
            (request_row(each.headers, each.value) for each in facts if each.event_id in asked), self._unsent
        )

    async def unheard(self, consumer: str, topics: Sequence[str]) -> Sequence[NewOutboxRow]:
        self._tables.ask()
        inbox = self._tables.inbox
        published = {
            event_id(row.headers): row for _, row in sorted(self._tables.outbox.items()) if row.topic in topics
        }
        rows = (
            NewOutboxRow(row.stream, row.topic, row.key, row.spread, row.headers, row.value)
            for event, row in published.items()
            if event and (consumer, event) not in inbox
        )
        return without(rows, self._unsent)

    async def begin_again(self, rows: Sequence[NewOutboxRow], moment: datetime | None) -> None:
        with self._tables.transaction() as transaction:
            for row in rows:
                transaction.publish(row)
            for key in list(self._tables.deliveries):
                transaction.drop(self._tables.deliveries, key)
            transaction.put(self._tables.restorations, self._tables.now(), moment)

    async def was_restored(self) -> bool:
        self._tables.ask()
        since = self._tables.now() - REMEMBERED
        return any(restored_at > since for restored_at in self._tables.restorations)

    def _is_open(self, run_id: str) -> bool:
        run = self._tables.jobs.get(run_id)
        return run is not None and run.finished_at is None

    @property
    def _unsent(self) -> frozenset[str]:
        return frozenset(event_id(self._tables.outbox[row_id].headers) for row_id in self._tables.unsent)
