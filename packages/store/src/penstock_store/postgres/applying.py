"""The transactions of `apply`: two rounds to the server, whatever the number of events.

1. the streams are inserted where they are missing, else locked, in key order; a lock gives the row as it is then, also
   what was committed while it was waited for
2. the inbox says which events are new, and then what time it is
3. decide, 4. evolve: in memory, see folding.py
5. facts, states, rows, timers, outbox
6. commit
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from penstock_contracts.codec import Codec
from penstock_runtime.steps import Steps
from penstock_store import points
from penstock_store.changes import Changes
from penstock_store.encoding import StateEncoding
from penstock_store.errors import NotRedrivable
from penstock_store.folding import Folding, read_state
from penstock_store.hints import Hint
from penstock_store.letters import Trouble, letter_id
from penstock_store.listening import Listeners
from penstock_store.ports import Fold
from penstock_store.postgres.database import Connection, Database
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.reading import read_facts
from penstock_store.postgres.writing import write_changes
from penstock_store.redriving import Redrive
from penstock_store.rows import TIMERS, DeadLetterRow, Delivered, StreamRow, Verdict

S = TypeVar("S")

_OPEN = """
with made as (
  insert into workflow.streams (stream) select unnest(%(streams)s::text[]) on conflict (stream) do nothing
  returning stream
), locked as (
  select stream, subject, state, encoding, fold_version, sequence, base from workflow.streams
  where stream = any(%(streams)s::text[]) and (select count(*) from made) >= 0
  order by stream for no key update
), new as (
  insert into workflow.inbox_messages (consumer, event_id, outcome)
  select %(consumer)s, event_id, %(outcome)s from unnest(%(ids)s::text[]) as event_id
  where (select count(*) from locked) >= 0
  on conflict (consumer, event_id) do nothing returning event_id
)
select null::text, stream, subject, state, encoding, fold_version, sequence, base, null::timestamptz from locked
union all select null, stream, '', ''::bytea, '', 0, 0, ''::bytea, null from made
union all select event_id, null, null, null, null, null, null, null, null from new
union all select null, null, null, null, null, null, null, null, clock_timestamp()
where (select count(*) from new) >= 0
"""
_REDRIVEN = """
update workflow.inbox_messages set outcome = 'applied'
where consumer = %s and event_id = %s and outcome = 'stalled'
"""
_HEARD_AGAIN = """
delete from workflow.inbox_messages where consumer = %s and event_id = any(%s::text[])
"""
_OPEN_LETTERS = "select event_id from workflow.dead_letters where id = any(%s::text[]) and resolved_at is null"
_RESOLVED = """
update workflow.dead_letters set resolved_at = clock_timestamp(), resolution = %s where id = %s and resolved_at is null
"""
_FAILED_AGAIN = "update workflow.dead_letters set error = %s where id = %s and resolved_at is null"


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the first round brings."""

    rows: dict[str, StreamRow]
    new: set[str]
    now: datetime

    def take(self, delivered: Delivered) -> bool:
        """True the first time a new event is asked for."""
        event_id = delivered.event.envelope.id
        if event_id not in self.new:
            return False
        self.new.remove(event_id)
        return True


class PostgresTransactions:
    """What fallback.Transactions asks for."""

    def __init__(
        self,
        database: Database,
        codec: Codec,
        steps: Steps,
        hints: PostgresHints,
        encoding: StateEncoding,
        *,
        listeners: Listeners,
    ) -> None:
        self._database = database
        self._codec = codec
        self._steps = steps
        self._hints = hints
        self._encoding = encoding
        self._listeners = listeners

    async def together(self, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]) -> Sequence[Verdict]:
        async with self._database.pipeline() as connection:
            opened = await self._open(connection, consumer, delivered, Verdict.APPLIED)
            folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
            for stream, row in opened.rows.items():
                await self._hold(connection, folding, fold, row, stream)
            verdicts = [self._apply(folding, opened, one) for one in delivered]
            changes = folding.changes()
            await self._write(connection, changes)
        self._committed(changes)
        return verdicts

    async def refolding(self, consumer: str, delivered: Delivered, fold: Fold[S]) -> Verdict:
        async with self._database.pipeline() as connection:
            opened = await self._open(connection, consumer, [delivered], Verdict.APPLIED)
            folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
            await self._hold(connection, folding, fold, None, delivered.event.envelope.stream)
            verdict = self._apply(folding, opened, delivered)
            changes = folding.changes()
            await self._write(connection, changes)
        self._committed(changes)
        return verdict

    async def mend(self, stream: str, fold: Fold[S]) -> None:
        async with self._database.transaction() as connection:
            opened = await _ask(connection, {"consumer": "", "streams": [stream], "ids": [], "outcome": "applied"})
            folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
            await self._hold(connection, folding, fold, None, stream)
            changes = folding.changes()
            await _hear_again(connection, changes)
            await self._write(connection, changes)
        self._committed(changes)

    async def stall(self, consumer: str, delivered: Delivered, fold: Fold[S], trouble: Trouble) -> Verdict:
        stream = delivered.event.envelope.stream
        async with self._database.pipeline() as connection:
            opened = await self._open(connection, consumer, [delivered], Verdict.STALLED)
            if not opened.take(delivered):
                return Verdict.DUPLICATE
            folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
            await self._hold(connection, folding, fold, opened.rows[stream], stream)
            folding.stall(consumer, delivered, trouble)
            changes = folding.changes()
            await self._write(connection, changes)
        self._committed(changes)
        return Verdict.STALLED

    async def bury(self, consumer: str, delivered: Delivered, fold: Fold[S], trouble: Trouble) -> Verdict:
        async with self._database.pipeline() as connection:
            opened = await self._open(connection, consumer, [delivered], Verdict.STALLED)
            if not opened.take(delivered):
                return Verdict.DUPLICATE
            folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
            folding.bury(consumer, delivered, trouble)
            folding.drop_fired(delivered.event)
            changes = folding.changes()
            await self._write(connection, changes)
        self._committed(changes)
        return Verdict.STALLED

    async def keep(self, consumer: str, delivered: Delivered, fold: Fold[S], error: str) -> Verdict:
        async with self._database.pipeline() as connection:
            opened = await self._open(connection, consumer, [], Verdict.STALLED)
            folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
            folding.keep(consumer, delivered, error)
            changes = folding.changes()
            await self._write(connection, changes)
        self._committed(changes)
        return Verdict.STALLED

    async def redrive(self, asked: Redrive, fold: Fold[S]) -> Verdict:
        letter = asked.letter
        async with self._database.transaction() as connection:
            folding = await self._fold_request(connection, asked, fold)
            if folding is None:
                return Verdict.DUPLICATE
            folding.apply(asked.delivered)
            changes = folding.changes()
            await self._write(connection, changes)
            await connection.execute(_REDRIVEN, (letter.consumer, letter.event_id))
            _still_open(letter, (await connection.execute(_RESOLVED, (asked.resolution, letter.id))).rowcount)
        self._committed(changes)
        return Verdict.APPLIED

    async def stall_again(self, asked: Redrive, fold: Fold[S], trouble: Trouble) -> Verdict:
        async with self._database.transaction() as connection:
            folding = await self._fold_request(connection, asked, fold)
            if folding is None:
                return Verdict.DUPLICATE
            folding.say_stalled(asked.event, trouble)
            changes = folding.changes()
            await self._write(connection, changes)
            updated = await connection.execute(_FAILED_AGAIN, (trouble.error, asked.letter.id))
            _still_open(asked.letter, updated.rowcount)
        self._committed(changes)
        return Verdict.STALLED

    async def bury_again(self, asked: Redrive, trouble: Trouble) -> Verdict:
        async with self._database.transaction() as connection:
            opened = await self._open(connection, asked.consumer, [asked.request], Verdict.APPLIED)
            if not opened.take(asked.request):
                return Verdict.DUPLICATE
            updated = await connection.execute(_FAILED_AGAIN, (trouble.error, asked.letter.id))
            _still_open(asked.letter, updated.rowcount)
        return Verdict.STALLED

    async def _fold_request(self, connection: Connection, asked: Redrive, fold: Fold[S]) -> Folding[S] | None:
        """The stream with the request applied; None where it was carried out before."""
        stream = asked.letter.stream
        opened = await self._open(connection, asked.consumer, [asked.request], Verdict.APPLIED)
        if not opened.take(asked.request):
            return None
        folding = Folding(fold, self._codec, self._steps, opened.now, self._encoding)
        await self._hold(connection, folding, fold, opened.rows[stream], stream)
        folding.apply(asked.request)
        return folding

    async def _open(
        self, connection: Connection, consumer: str, delivered: Sequence[Delivered], outcome: Verdict
    ) -> _Opened:
        streams = sorted({one.event.envelope.stream for one in delivered})
        ids = [one.event.envelope.id for one in delivered]
        values = {"consumer": consumer, "streams": streams, "ids": ids, "outcome": outcome.value}
        opened = await _ask(connection, values)
        while len(opened.rows) < len(streams):
            # Somebody made a stream after the statement began: a new one sees it, and keeps the order of locks.
            await connection.execute("rollback")
            await connection.execute("begin")
            opened = await _ask(connection, values)
        self._steps.reach(points.APPLY_LOCKED)
        self._steps.reach(points.APPLY_INBOX)
        return opened

    async def _hold(
        self, connection: Connection, folding: Folding[S], fold: Fold[S], row: StreamRow | None, stream: str
    ) -> None:
        """Without a row: from the facts, whatever is stored."""
        state = read_state(fold, row, stream) if row else None
        if state is None:
            folding.hold_refolded(stream, await read_facts(connection, self._codec, stream), row)
        else:
            folding.hold(stream, state, row)

    def _apply(self, folding: Folding[S], opened: _Opened, delivered: Delivered) -> Verdict:
        if opened.take(delivered):
            folding.apply(delivered)
            return Verdict.APPLIED
        folding.drop_fired(delivered.event)
        return Verdict.DUPLICATE

    async def _write(self, connection: Connection, changes: Changes) -> None:
        await write_changes(connection, changes)
        self._steps.reach(points.APPLY_WRITTEN)

    def _committed(self, changes: Changes) -> None:
        self._steps.reach(points.APPLY_COMMITTED)
        if changes.outbox:
            self._hints.give(Hint.OUTBOX)
        if changes.timers:
            self._hints.give(Hint.TIMERS)
        self._listeners.tell(changes.events)


async def _ask(connection: Connection, values: Mapping[str, object]) -> _Opened:
    cursor = await connection.execute(_OPEN, values, binary=True)
    *found, (*_, now) = await cursor.fetchall()
    rows = {row[1]: StreamRow(*row[1:-1]) for row in found if row[0] is None}
    return _Opened(rows, {row[0] for row in found if row[0] is not None}, now)


async def _hear_again(connection: Connection, changes: Changes) -> None:
    """The inbox forgets the timers that are set, but for those that wait for a person."""
    letters = [letter_id(TIMERS, timer) for timer in changes.timers]
    waiting = {event for (event,) in await (await connection.execute(_OPEN_LETTERS, (letters,))).fetchall()}
    await connection.execute(_HEARD_AGAIN, (TIMERS, sorted(changes.timers.keys() - waiting)))


def _still_open(letter: DeadLetterRow, updated: int) -> None:
    """Raises NotRedrivable, which undoes the transaction."""
    if updated == 0:
        raise NotRedrivable(letter.id, "its event is not stalled any more")
