"""Blobs, effects and schemas on PostgreSQL."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from penstock_contracts.schemas import Schema
from penstock_store.errors import BlobMissing, EffectUnknown
from penstock_store.postgres.database import Database, check_fence
from penstock_store.postgres.reading import SCHEMA
from penstock_store.postgres.writing import as_json, columns
from penstock_store.rows import EffectKind, EffectRow, EffectState, Lease

_PUT_BLOB = """
insert into workflow.blobs as b (id, data) values (%s, %s)
on conflict (id) do update set last_used = clock_timestamp()
where b.last_used < clock_timestamp() - interval '1 hour'
"""
_GET_BLOB = """
with used as (
  update workflow.blobs set last_used = clock_timestamp()
  where id = %(id)s and last_used < clock_timestamp() - interval '1 hour'
)
select data from workflow.blobs where id = %(id)s
"""
_KEEP_MARKER_KEY = "insert into workflow.marker_key (id, key) values (1, %s) on conflict (id) do nothing"
_MARKER_KEY = "select key from workflow.marker_key"
_PLAN = """
insert into workflow.effects as e (id, stream, run_id, kind, epoch, rank, state, digest, external_id, url, note, fence,
  sent_at)
select id, stream, run_id, kind, epoch, rank, 'planned', digest, external_id, url, note, 0, sent_at
from json_populate_recordset(null::workflow.effects, %s::json) order by id
on conflict (id) do update set stream = excluded.stream, run_id = excluded.run_id, kind = excluded.kind,
  epoch = excluded.epoch, rank = excluded.rank, state = 'planned', digest = excluded.digest, note = excluded.note,
  fence = 0, updated_at = clock_timestamp()
where (e.epoch, e.rank) < (excluded.epoch, excluded.rank)
"""
_EFFECT = """
select id, stream, run_id, kind, epoch, rank, state, digest, external_id, url, note, fence, sent_at, updated_at
from workflow.effects
"""
_BY_ID = _EFFECT + "where id = %s"
_OF_STREAM = _EFFECT + "where stream = %s order by id"
_SENT_SINCE = """
select stream from workflow.effects where sent_at > %s group by stream order by max(sent_at) desc, stream desc limit %s
"""
_BEGIN = """
update workflow.effects set state = 'sending', fence = %s, sent_at = clock_timestamp(), updated_at = clock_timestamp()
where id = %s
returning id, stream, run_id, kind, epoch, rank, state, digest, external_id, url, note, fence, sent_at, updated_at
"""
_SETTLE = """
update workflow.effects set external_id = %s, url = %s, updated_at = clock_timestamp(),
  state = case state when 'sending' then %s else state end, note = case state when 'sending' then %s else note end
where id = %s
"""
_UPSERT_SCHEMAS = """
insert into workflow.schemas (id, type_name, text) select * from unnest(%s::int[], %s::text[], %s::text[])
on conflict (id) do nothing
"""


class PostgresBlobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        await self._database.execute(_PUT_BLOB, (blob, data))
        return blob

    async def get(self, blob: str) -> bytes:
        async with self._database.connection() as connection:
            found = await (await connection.execute(_GET_BLOB, {"id": blob})).fetchone()
        if found is None:
            raise BlobMissing(blob)
        return bytes(found[0])


class PostgresEffects:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def marker_key(self, first: bytes) -> bytes:
        """Of two that come at once the second waits for the first, and reads what that one has kept."""
        await self._database.execute(_KEEP_MARKER_KEY, (first,))
        return bytes(await self._database.value(_MARKER_KEY))

    async def plan(self, effects: Sequence[EffectRow]) -> None:
        if effects:
            await self._database.execute(_PLAN, (as_json(_highest(effects)),))

    async def of_stream(self, stream: str) -> Sequence[EffectRow]:
        return [_effect(*row) for row in await self._database.tuples(_OF_STREAM, (stream,))]

    async def get(self, effect_id: str) -> EffectRow | None:
        rows = await self._database.tuples(_BY_ID, (effect_id,))
        return _effect(*rows[0]) if rows else None

    async def begin(self, effect_id: str, lease: Lease) -> EffectRow:
        async with self._database.transaction() as connection:
            await check_fence(connection, lease)
            found = await (await connection.execute(_BEGIN, (lease.fence, effect_id))).fetchone()
            if found is None:
                raise EffectUnknown(effect_id)
        return _effect(*found)

    async def settle(
        self, effect_id: str, lease: Lease, state: EffectState, *, external_id: str, url: str, note: str
    ) -> None:
        async with self._database.transaction() as connection:
            await check_fence(connection, lease)
            cursor = await connection.execute(_SETTLE, (external_id, url, state.value, note, effect_id))
            if cursor.rowcount == 0:
                raise EffectUnknown(effect_id)

    async def streams_sent_since(self, since: datetime, limit: int) -> Sequence[str]:
        return [stream for (stream,) in await self._database.tuples(_SENT_SINCE, (since, limit))]


class PostgresSchemas:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def upsert(self, schemas: Sequence[Schema]) -> None:
        if schemas:
            rows = sorted((schema.id, schema.type_name, schema.text) for schema in schemas)
            await self._database.execute(_UPSERT_SCHEMAS, columns(rows))

    async def text(self, schema_id: int) -> str | None:
        text: str | None = await self._database.value(SCHEMA, (schema_id,))
        return text


def _highest(effects: Sequence[EffectRow]) -> list[EffectRow]:
    """One per id: one statement cannot write a row twice."""
    chosen: dict[str, EffectRow] = {}
    for effect in effects:
        known = chosen.get(effect.id)
        if known is None or (known.epoch, known.rank) < (effect.epoch, effect.rank):
            chosen[effect.id] = effect
    return list(chosen.values())


def _effect(*row: Any) -> EffectRow:
    id_, stream, run_id, kind, epoch, rank, state, *rest = row
    return EffectRow(id_, stream, run_id, EffectKind(kind), epoch, rank, EffectState(state), *rest)
