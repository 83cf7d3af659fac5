"""Dead letters and counted deliveries on PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString

from penstock_store.hints import Hint
from penstock_store.postgres.continuity import LAZILY
from penstock_store.postgres.database import Database
from penstock_store.postgres.headers import unpack_headers
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.writing import columns, write_letter, write_outbox
from penstock_store.rows import (
    OPEN_LETTERS,
    DeadLetterRow,
    LetterFilter,
    LetterState,
    NewOutboxRow,
    Place,
    RawRecord,
)

_LETTER = """
select id, consumer, topic, partition, position, key, headers, value, stream, run_id, event_id, event_type, reason,
  error, remedy, created_at, resolved_at, resolution
from workflow.dead_letters
"""
_BY_ID = _LETTER + "where id = %s"
_OF_STATE: Mapping[LetterState, LiteralString] = {
    LetterState.OPEN: "resolved_at is null",
    LetterState.RESOLVED: "resolved_at is not null",
    LetterState.ANY: "true",
}
_AFTER: LiteralString = "(created_at, id) > (select created_at, id from workflow.dead_letters where id = %s)"
_COUNTS = "select reason, count(*) from workflow.dead_letters where resolved_at is null group by reason"
_RESOLVE = """
update workflow.dead_letters set resolved_at = clock_timestamp(), resolution = %s where id = %s and resolved_at is null
"""
# Counts are not waited for until they are on disk. The end of a process loses none; what a crash of the server itself
# may lose are those of its last moments, and then a suspect is found out one death later.
_COUNT: LiteralString = f"""
insert into workflow.deliveries as d (consumer, topic, partition, position, count)
select %s, topic, partition, position, 1
from unnest(%s::text[], %s::int[], %s::bigint[]) as p(topic, partition, position), {LAZILY}
on conflict (consumer, topic, partition, position) do update set count = d.count + 1
returning topic, partition, position, count
"""
_FORGET: LiteralString = f"""
delete from workflow.deliveries as d
using unnest(%s::text[], %s::int[], %s::bigint[]) as p(topic, partition, position), {LAZILY}
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

    async def letters(self, wanted: LetterFilter = OPEN_LETTERS) -> Sequence[DeadLetterRow]:
        given: dict[LiteralString, str] = {
            "stream = %s": wanted.stream,
            "run_id = %s": wanted.run_id,
            "reason = %s": wanted.reason,
            "event_type = %s": wanted.event_type,
            "topic = %s": wanted.topic,
            _AFTER: wanted.after,
        }
        conditions = [_OF_STATE[wanted.state], *(condition for condition, value in given.items() if value)]
        where: LiteralString = "where " + " and ".join(conditions)
        values = [value for value in given.values() if value]
        statement = _LETTER + where + " order by created_at, id limit %s"
        return [_letter(*row) for row in await self._database.tuples(statement, (*values, wanted.limit))]

    async def counts(self) -> Mapping[str, int]:
        return dict(await self._database.tuples(_COUNTS))

    async def settle(self, letter_id: str, resolution: str, said: Sequence[NewOutboxRow] = ()) -> bool:
        async with self._database.transaction() as connection:
            settled = (await connection.execute(_RESOLVE, (resolution, letter_id))).rowcount == 1
            if settled:
                await write_outbox(connection, said)
        if settled and said:
            self._hints.give(Hint.OUTBOX)
        return settled


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
