"""What follows a restored backup, on PostgreSQL. None of it is asked often, so none of it has an index of its own."""

from collections.abc import Sequence
from datetime import datetime

from penstock_store.hints import Hint
from penstock_store.postgres.database import Connection, Database
from penstock_store.postgres.headers import unpack_headers
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.writing import write_outbox
from penstock_store.restoring import REMEMBERED, asked_id, event_id, request_row, without
from penstock_store.rows import Lease, NewOutboxRow
from penstock_store.texts import is_printable

_MOMENT = """
select greatest((select max(stored_at) from workflow.facts), (select max(received_at) from workflow.inbox_messages),
  (select max(updated_at) from workflow.effects))
"""
_HOLDERS = """
select key, holder, fence, expires_at from workflow.leases where expires_at > clock_timestamp() order by key
"""
_ASKED = """
select j.stream, h.run_id, h.stage, h.part, h.attempt
from workflow.job_execution_history as h join workflow.workflow_jobs as j on j.id = h.run_id
where h.state = 'asked' and j.finished_at is null
"""
_REQUESTS = """
select headers, value from workflow.facts
where stream = any(%s::text[]) and event_id = any(%s::text[]) order by stream, sequence
"""
# What was sent before the oldest row of the inbox may have been received: retention took its row.
_PUBLISHED = """
select id, headers from workflow.outbox_messages where topic = any(%s::text[]) and sent_at >= coalesce(
  (select min(received_at) from workflow.inbox_messages where outcome = 'applied'), '-infinity')
order by id
"""
_HEARD = "select event_id from workflow.inbox_messages where consumer = %s and event_id = any(%s::text[])"
_AS_PUBLISHED = """
select stream, topic, key, spread, headers, value from workflow.outbox_messages where id = any(%s::bigint[]) order by id
"""
_UNSENT = "select headers from workflow.outbox_messages where sent_at is null"
_FORGET_DELIVERIES = "delete from workflow.deliveries"
_REMEMBER = "insert into workflow.restorations (moment) values (%s)"
_WAS_RESTORED = "select exists (select 1 from workflow.restorations where restored_at > clock_timestamp() - %s)"


class PostgresRestoring:
    def __init__(self, database: Database, hints: PostgresHints) -> None:
        self._database = database
        self._hints = hints

    async def moment(self) -> datetime | None:
        newest: datetime | None = await self._database.value(_MOMENT)
        return newest

    async def holders(self) -> Sequence[Lease]:
        return await self._database.rows(Lease, _HOLDERS)

    async def outstanding(self) -> Sequence[NewOutboxRow]:
        async with self._database.connection() as connection:
            asked = await (await connection.execute(_ASKED)).fetchall()
            streams = sorted({stream for stream, *_ in asked})
            ids = [asked_id((run, stage, part, attempt)) for _, run, stage, part, attempt in asked]
            found = await (await connection.execute(_REQUESTS, (streams, ids))).fetchall()
            unsent = await _unsent(connection)
        return without((request_row(unpack_headers(headers), bytes(value)) for headers, value in found), unsent)

    async def unheard(self, consumer: str, topics: Sequence[str]) -> Sequence[NewOutboxRow]:
        async with self._database.connection() as connection:
            published = await (await connection.execute(_PUBLISHED, (list(topics),))).fetchall()
            rows_of = {event_id(unpack_headers(headers)): row_id for row_id, headers in published}
            asked = [event for event in rows_of if event and is_printable(event)]
            heard = {event for (event,) in await (await connection.execute(_HEARD, (consumer, asked))).fetchall()}
            missing = [rows_of[event] for event in asked if event not in heard]
            found = await (await connection.execute(_AS_PUBLISHED, (missing,))).fetchall()
            unsent = await _unsent(connection)
        rows = (
            NewOutboxRow(stream, topic, key, spread, unpack_headers(headers), bytes(value))
            for stream, topic, key, spread, headers, value in found
        )
        return without(rows, unsent)

    async def begin_again(self, rows: Sequence[NewOutboxRow], moment: datetime | None) -> None:
        async with self._database.transaction() as connection:
            await write_outbox(connection, rows)
            await connection.execute(_FORGET_DELIVERIES)
            await connection.execute(_REMEMBER, (moment,))
        self._hints.give(Hint.OUTBOX)

    async def was_restored(self) -> bool:
        return bool(await self._database.value(_WAS_RESTORED, (REMEMBERED,)))


async def _unsent(connection: Connection) -> frozenset[str]:
    found = await (await connection.execute(_UNSENT)).fetchall()
    return frozenset(event_id(unpack_headers(headers)) for (headers,) in found)
