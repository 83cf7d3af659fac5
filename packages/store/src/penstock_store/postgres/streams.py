"""Streams on PostgreSQL."""

from collections.abc import Sequence
from typing import TypeVar

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_runtime.steps import Steps
from penstock_store.encoding import StateEncoding
from penstock_store.fallback import Fault, apply_all, attempt, stall_one
from penstock_store.letters import Trouble
from penstock_store.listening import Listener, Listeners
from penstock_store.ports import Fold
from penstock_store.postgres.applying import PostgresTransactions
from penstock_store.postgres.database import Database
from penstock_store.postgres.hints import PostgresHints
from penstock_store.postgres.letters import read_letter
from penstock_store.postgres.reading import read_facts
from penstock_store.redriving import asked_of, redrive_of, redrive_one
from penstock_store.refolding import compare
from penstock_store.rows import Delivered, Refolded, StreamRow, Verdict

S = TypeVar("S")

_LOAD = """
select stream, subject, state, encoding, fold_version, sequence, base from workflow.streams
where stream = %s and sequence > 0
"""
_NAMES = "select stream from workflow.streams where stream > %s and sequence > 0 order by stream limit %s"
_PAGE = 500


class PostgresStreams:
    def __init__(
        self, database: Database, codec: Codec, steps: Steps, hints: PostgresHints, encoding: StateEncoding
    ) -> None:
        self._database = database
        self._codec = codec
        self._listeners = Listeners()
        self._transactions = PostgresTransactions(database, codec, steps, hints, encoding, listeners=self._listeners)

    async def apply(self, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]) -> Sequence[Verdict]:
        return await apply_all(self._transactions, consumer, delivered, fold)

    async def stall(self, consumer: str, delivered: Delivered, fold: Fold[S], error: str, remedy: str) -> Verdict:
        return await stall_one(self._transactions, consumer, delivered, fold, Trouble(error, remedy))

    async def redrive(self, consumer: str, request: Delivered, fold: Fold[S]) -> Verdict:
        letter = await read_letter(self._database, asked_of(request).letter_id)
        return await redrive_one(self._transactions, redrive_of(consumer, request, letter, self._codec), fold)

    async def refold(self, stream: str, fold: Fold[S]) -> Refolded:
        async with self._database.transaction() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            facts = await read_facts(connection, self._codec, stream)
            row = await (await connection.execute(_LOAD, (stream,))).fetchone()
        return compare(stream, StreamRow(*row) if row else None, facts, fold)

    async def refold_all(self, fold: Fold[S]) -> Sequence[Refolded]:
        different: list[Refolded] = []
        names = await self.names(limit=_PAGE)
        while names:
            checks = [await self.refold(stream, fold) for stream in names]
            different.extend(check for check in checks if not check.equal)
            names = await self.names(after=names[-1], limit=_PAGE)
        return different

    async def mend(self, stream: str, fold: Fold[S]) -> bool:
        return not isinstance(await attempt(self._transactions.mend(stream, fold)), Fault)

    async def load(self, stream: str) -> StreamRow | None:
        found = await self._database.rows(StreamRow, _LOAD, (stream,))
        return found[0] if found else None

    async def facts(self, stream: str, after: int = 0) -> Sequence[Event[Fact]]:
        async with self._database.connection() as connection:
            return await read_facts(connection, self._codec, stream, after)

    async def names(self, after: str = "", limit: int = 500) -> Sequence[str]:
        return [name for (name,) in await self._database.tuples(_NAMES, (after, limit))]

    def subscribe(self, listener: Listener) -> None:
        self._listeners.add(listener)
