"""Dead letters and counted deliveries on PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock_store.hints import Hint
from penstock_store.postgres.database import Database
from penstock_store.postgres.headers import unpack_headers
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.writing import columns, write_letter, write_outbox
from penstock_store.rows import DeadLetterRow, NewOutboxRow, Place, RawRecord

_LETTER = """
select id, consumer, topic, partition, position, key, headers, value, stream, run_id, event_id, event_type, reason,
  error, remedy, created_at, resolved_at, resolution
from workflow.dead_letters
"""
_BY_ID = _LETTER + "where id = %s"
_OPEN = _LETTER + "where resolved_at is null order by created_at, id limit %s"
_RESOLVE = """
update workflow.dead_letters set resolved_at = clock_timestamp(), resolution = %s where id = %s and resolved_at is null
"""
_COUNT = """
insert into workflow.deliveries as d (consumer, topic, partition, position, count)
select %s, topic, partition, position, 1
from unnest(%s::text[], %s::int[], %s::bigint[]) as p(topic, partition, position)
on conflict (consumer, topic, partition, position) do update set count = d.count + 1
returning topic, partition, position, count
"""
_FORGET = """
delete from workflow.deliveries as d using unnest(%s::text[], %s::int[], %s::bigint[]) as p(topic, partition, position)
where d.consumer = %s and d.topic = p.topic and d.partition = p.partition and d.position = p.position and d.count <= %s
"""
_LOWER = """
update workflow.deliveries as d set count = d.count - 1
from unnest(%s::text[], %s::int[], %s::bigint[]) as p(topic, partition, position)
where d.consumer = %s and d.topic = p.topic and d.partition = p.partition and d.position = p.position
"""
_ANY_COUNT = 2**31 - 1


class PostgresDeadLetters:
    def __init__(self, database: Database, hints: PostgresHints) -> None:
        self._database = database
        self._hints = hints

    async def put(self, letter: DeadLetterRow, outbox: Sequence[NewOutboxRow]) -> None:
        async with self._database.transaction() as connection:
            if await write_letter(connection, letter):
                await write_outbox(connection, outbox)
        self._hints.give(Hint.OUTBOX)

    async def get(self, letter_id: str) -> DeadLetterRow | None:
        return await read_letter(self._database, letter_id)

    async def open_letters(self, limit: int = 100) -> Sequence[DeadLetterRow]:
        return [_letter(*row) for row in await self._database.tuples(_OPEN, (limit,))]

    async def resolve(self, letter_id: str, resolution: str) -> None:
        await self._database.execute(_RESOLVE, (resolution, letter_id))


async def read_letter(database: Database, letter_id: str) -> DeadLetterRow | None:
    rows = await database.tuples(_BY_ID, (letter_id,))
    return _letter(*rows[0]) if rows else None


class PostgresDeliveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, consumer: str, places: Sequence[Place]) -> Mapping[Place, int]:
        if not places:
            return {}
        rows = await self._database.tuples(_COUNT, (consumer, *_columns(places)))
        return {Place(topic, partition, position): count for topic, partition, position, count in rows}

    async def forget(self, consumer: str, places: Sequence[Place]) -> None:
        if places:
            await self._database.execute(_FORGET, (*_columns(places), consumer, _ANY_COUNT))

    async def take_back(self, consumer: str, places: Sequence[Place]) -> None:
        if places:
            async with self._database.transaction() as connection:
                await connection.execute(_FORGET, (*_columns(places), consumer, 1))
                await connection.execute(_LOWER, (*_columns(places), consumer))


def _columns(places: Iterable[Place]) -> list[Any]:
    """In one order for everybody, so that two processes do not wait for each other crosswise."""
    rows = sorted({(place.topic, place.partition, place.position) for place in places})
    return columns(rows)


def _letter(*row: Any) -> DeadLetterRow:
    letter_id, consumer, topic, partition, position, key, headers, value, *rest = row
    record = RawRecord(topic, partition, position, key, unpack_headers(headers), value)
    return DeadLetterRow(letter_id, consumer, record, *rest)
