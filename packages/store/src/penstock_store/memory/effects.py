"""Blobs, effects and schemas in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from penstock_contracts.schemas import Schema
from penstock_store.errors import BlobMissing, EffectUnknown
from penstock_store.memory.tables import Tables
from penstock_store.rows import EffectRow, EffectState, Lease


class MemoryBlobs:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        with self._tables.transaction() as transaction:
            transaction.put(self._tables.blobs, blob, bytes(data))
        return blob

    async def get(self, blob: str) -> bytes:
        self._tables.ask()
        if blob not in self._tables.blobs:
            raise BlobMissing(blob)
        return self._tables.blobs[blob]


class MemoryEffects:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def marker_key(self, first: bytes) -> bytes:
        table = self._tables.marker_key
        with self._tables.transaction() as transaction:
            if 1 not in table:
                transaction.put(table, 1, first)
        return table[1]

    async def plan(self, effects: Sequence[EffectRow]) -> None:
        table = self._tables.effects
        with self._tables.transaction() as transaction:
            for effect in effects:
                known = table.get(effect.id)
                planned = replace(effect, state=EffectState.PLANNED, fence=0, updated_at=self._tables.now())
                if known is None:
                    transaction.put(table, effect.id, planned)
                elif (known.epoch, known.rank) < (effect.epoch, effect.rank):
                    kept = replace(planned, external_id=known.external_id, url=known.url, sent_at=known.sent_at)
                    transaction.put(table, effect.id, kept)

    async def of_stream(self, stream: str) -> Sequence[EffectRow]:
        self._tables.ask()
        return sorted(
            (row for row in self._tables.effects.values() if row.stream == stream), key=lambda effect: effect.id
        )

    async def get(self, effect_id: str) -> EffectRow | None:
        self._tables.ask()
        return self._tables.effects.get(effect_id)

    async def begin(self, effect_id: str, lease: Lease) -> EffectRow:
        now = self._tables.now()
        with self._tables.transaction() as transaction:
            known = self._known(effect_id, lease)
            sending = replace(known, state=EffectState.SENDING, fence=lease.fence, sent_at=now, updated_at=now)
            transaction.put(self._tables.effects, effect_id, sending)
        return sending

    async def settle(
        self, effect_id: str, lease: Lease, state: EffectState, *, external_id: str, url: str, note: str
    ) -> None:
        with self._tables.transaction() as transaction:
            known = self._known(effect_id, lease)
            now = self._tables.now()
            settled = replace(known, external_id=external_id, url=url, updated_at=now)
            if known.state is EffectState.SENDING:
                settled = replace(settled, state=state, note=note)
            transaction.put(self._tables.effects, effect_id, settled)

    async def streams_sent_since(self, since: datetime, limit: int) -> Sequence[str]:
        self._tables.ask()
        latest: dict[str, datetime] = {}
        for row in self._tables.effects.values():
            if row.sent_at is not None and row.sent_at > since:
                latest[row.stream] = max(row.sent_at, latest.get(row.stream, row.sent_at))
        return sorted(latest, key=lambda stream: (latest[stream], stream), reverse=True)[:limit]

    def _known(self, effect_id: str, lease: Lease) -> EffectRow:
        self._tables.check_fence(lease)
        known = self._tables.effects.get(effect_id)
        if known is None:
            raise EffectUnknown(effect_id)
        return known


class MemorySchemas:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def upsert(self, schemas: Sequence[Schema]) -> None:
        with self._tables.transaction() as transaction:
            for schema in schemas:
                transaction.put(self._tables.schemas, schema.id, schema)

    async def text(self, schema_id: int) -> str | None:
        self._tables.ask()
        schema = self._tables.schemas.get(schema_id)
        return schema.text if schema else None
