"""Streams in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_runtime.steps import Steps
from penstock_store import points
from penstock_store.changes import Changes
from penstock_store.encoding import StateEncoding
from penstock_store.errors import NotRedrivable
from penstock_store.fallback import Fault, apply_all, attempt, stall_one
from penstock_store.folding import Folding, read_state
from penstock_store.letters import STALLED, Trouble, letter_id
from penstock_store.listening import Listener, Listeners
from penstock_store.memory.tables import Tables, Transaction
from penstock_store.ports import Fold
from penstock_store.redriving import Redrive, asked_of, redrive_of, redrive_one
from penstock_store.refolding import compare
from penstock_store.rows import TIMERS, DeadLetterRow, Delivered, Refolded, StreamRow, Verdict

S = TypeVar("S")


class MemoryStreams:
    def __init__(self, tables: Tables, codec: Codec, steps: Steps, encoding: StateEncoding) -> None:
        self._tables = tables
        self._codec = codec
        self._listeners = Listeners()
        self._transactions = _Transactions(tables, codec, steps, encoding, self._listeners)

    async def apply(self, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]) -> Sequence[Verdict]:
        return await apply_all(self._transactions, consumer, delivered, fold)

    async def stall(self, consumer: str, delivered: Delivered, fold: Fold[S], error: str, remedy: str) -> Verdict:
        return await stall_one(self._transactions, consumer, delivered, fold, Trouble(error, remedy))

    async def redrive(self, consumer: str, request: Delivered, fold: Fold[S]) -> Verdict:
        self._tables.ask()
        letter = self._tables.letters.get(asked_of(request).letter_id)
        return await redrive_one(self._transactions, redrive_of(consumer, request, letter, self._codec), fold)

    async def refold(self, stream: str, fold: Fold[S]) -> Refolded:
        return compare(stream, await self.load(stream), await self.facts(stream), fold)

    async def refold_all(self, fold: Fold[S]) -> Sequence[Refolded]:
        checks = [await self.refold(stream, fold) for stream in await self.names(limit=len(self._tables.streams))]
        return [check for check in checks if not check.equal]

    async def mend(self, stream: str, fold: Fold[S]) -> bool:
        return not isinstance(await attempt(self._transactions.mend(stream, fold)), Fault)

    async def load(self, stream: str) -> StreamRow | None:
        self._tables.ask()
        row = self._tables.streams.get(stream)
        return row if row and row.sequence else None

    async def facts(self, stream: str, after: int = 0) -> Sequence[Event[Fact]]:
        self._tables.ask()
        return self._transactions.facts(stream)[after:]

    async def names(self, after: str = "", limit: int = 500) -> Sequence[str]:
        self._tables.ask()
        return sorted(name for name, row in self._tables.streams.items() if name > after and row.sequence)[:limit]

    def subscribe(self, listener: Listener) -> None:
        self._listeners.add(listener)


class _Transactions:
    """What fallback.Transactions asks for. None of it awaits, so each is isolated."""

    def __init__(
        self, tables: Tables, codec: Codec, steps: Steps, encoding: StateEncoding, listeners: Listeners
    ) -> None:
        self._tables = tables
        self._codec = codec
        self._steps = steps
        self._encoding = encoding
        self._listeners = listeners

    def facts(self, stream: str) -> Sequence[Event[Fact]]:
        return [self._codec.decode(row.headers, row.value) for row in self._tables.facts.get(stream, ())]

    async def together(self, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]) -> Sequence[Verdict]:
        with self._tables.transaction() as transaction:
            folding = self._folding(fold)
            for stream in sorted({one.event.envelope.stream for one in delivered}):
                self._hold(folding, stream, fold)
            self._steps.reach(points.APPLY_LOCKED)
            verdicts = [self._receive(transaction, consumer, one, Verdict.APPLIED) for one in delivered]
            self._steps.reach(points.APPLY_INBOX)
            for one, verdict in zip(delivered, verdicts, strict=True):
                if verdict is Verdict.APPLIED:
                    folding.apply(one)
                else:
                    folding.drop_fired(one.event)
            changes = self._write(transaction, folding)
        self._steps.reach(points.APPLY_COMMITTED)
        self._listeners.tell(changes.events)
        return verdicts

    async def refolding(self, consumer: str, delivered: Delivered, fold: Fold[S]) -> Verdict:
        with self._tables.transaction() as transaction:
            folding = self._folding(fold)
            stream = delivered.event.envelope.stream
            folding.hold_refolded(stream, self.facts(stream))
            verdict = self._receive(transaction, consumer, delivered, Verdict.APPLIED)
            if verdict is Verdict.APPLIED:
                folding.apply(delivered)
            changes = self._write(transaction, folding)
        self._listeners.tell(changes.events)
        return verdict

    async def mend(self, stream: str, fold: Fold[S]) -> None:
        with self._tables.transaction() as transaction:
            folding = self._folding(fold)
            folding.hold_refolded(stream, self.facts(stream))
            self._hear_again(transaction, self._write(transaction, folding))

    async def stall(self, consumer: str, delivered: Delivered, fold: Fold[S], trouble: Trouble) -> Verdict:
        with self._tables.transaction() as transaction:
            if self._receive(transaction, consumer, delivered, Verdict.STALLED) is Verdict.DUPLICATE:
                return Verdict.DUPLICATE
            folding = self._folding(fold)
            self._hold(folding, delivered.event.envelope.stream, fold)
            folding.stall(consumer, delivered, trouble)
            changes = self._write(transaction, folding)
        self._listeners.tell(changes.events)
        return Verdict.STALLED

    async def bury(self, consumer: str, delivered: Delivered, fold: Fold[S], trouble: Trouble) -> Verdict:
        with self._tables.transaction() as transaction:
            if self._receive(transaction, consumer, delivered, Verdict.STALLED) is Verdict.DUPLICATE:
                return Verdict.DUPLICATE
            folding = self._folding(fold)
            folding.bury(consumer, delivered, trouble)
            folding.drop_fired(delivered.event)
            self._write(transaction, folding)
        return Verdict.STALLED

    async def keep(self, consumer: str, delivered: Delivered, fold: Fold[S], error: str) -> Verdict:
        with self._tables.transaction() as transaction:
            folding = self._folding(fold)
            folding.keep(consumer, delivered, error)
            self._write(transaction, folding)
        return Verdict.STALLED

    async def redrive(self, asked: Redrive, fold: Fold[S]) -> Verdict:
        letter = asked.letter
        with self._tables.transaction() as transaction:
            if not self._is_new(transaction, asked):
                return Verdict.DUPLICATE
            folding = self._folding(fold)
            self._hold(folding, letter.stream, fold)
            folding.apply(asked.request)
            folding.apply(asked.delivered)
            changes = self._write(transaction, folding)
            transaction.put(self._tables.inbox, (letter.consumer, letter.event_id), Verdict.APPLIED)
            resolved = replace(letter, resolved_at=self._tables.now(), resolution=asked.resolution)
            transaction.put(self._tables.letters, letter.id, resolved)
        self._listeners.tell(changes.events)
        return Verdict.APPLIED

    async def stall_again(self, asked: Redrive, fold: Fold[S], trouble: Trouble) -> Verdict:
        with self._tables.transaction() as transaction:
            if not self._is_new(transaction, asked):
                return Verdict.DUPLICATE
            folding = self._folding(fold)
            self._hold(folding, asked.letter.stream, fold)
            folding.apply(asked.request)
            folding.say_stalled(asked.event, trouble)
            changes = self._write(transaction, folding)
            transaction.put(self._tables.letters, asked.letter.id, replace(asked.letter, error=trouble.error))
        self._listeners.tell(changes.events)
        return Verdict.STALLED

    async def bury_again(self, asked: Redrive, trouble: Trouble) -> Verdict:
        with self._tables.transaction() as transaction:
            if not self._is_new(transaction, asked):
                return Verdict.DUPLICATE
            transaction.put(self._tables.letters, asked.letter.id, replace(asked.letter, error=trouble.error))
        return Verdict.STALLED

    def _is_new(self, transaction: Transaction, asked: Redrive) -> bool:
        """Whether this request was not carried out before. Raises NotRedrivable."""
        if self._receive(transaction, asked.consumer, asked.request, Verdict.APPLIED) is Verdict.DUPLICATE:
            return False
        if self._tables.letters[asked.letter.id].resolved_at is not None:
            raise NotRedrivable(asked.letter.id, "its event is not stalled any more")
        return True

    def _folding(self, fold: Fold[S]) -> Folding[S]:
        return Folding(fold, self._codec, self._steps, self._tables.now(), self._encoding)

    def _hold(self, folding: Folding[S], stream: str, fold: Fold[S]) -> None:
        row = self._tables.streams.get(stream)
        state = read_state(fold, row, stream)
        if state is None:
            folding.hold_refolded(stream, self.facts(stream), row)
        else:
            folding.hold(stream, state, row)

    def _hear_again(self, transaction: Transaction, changes: Changes) -> None:
        """The inbox forgets the timers that are set, but for those that wait for a person."""
        for timer in changes.timers:
            letter = self._tables.letters.get(letter_id(TIMERS, timer))
            if letter is None or letter.resolved_at is not None:
                transaction.drop(self._tables.inbox, (TIMERS, timer))

    def _receive(self, transaction: Transaction, consumer: str, one: Delivered, outcome: Verdict) -> Verdict:
        key = (consumer, one.event.envelope.id)
        if key in self._tables.inbox:
            return Verdict.DUPLICATE
        transaction.put(self._tables.inbox, key, outcome)
        return outcome

    def _write(self, transaction: Transaction, folding: Folding[S]) -> Changes:
        tables, changes = self._tables, folding.changes()
        for stream, row in changes.states.items():
            transaction.put(tables.streams, stream, row)
        for fact in changes.facts:
            transaction.add(tables.facts, fact.stream, fact)
        for job in changes.jobs.values():
            transaction.put(tables.jobs, job.id, replace(job, subject=changes.states[job.stream].subject))
        for key, execution in changes.executions.items():
            transaction.put(tables.executions, key, execution)
        _write_timers(transaction, tables, changes)
        for new in changes.outbox:
            transaction.publish(new)
        write_letters(transaction, tables, changes.letters)
        self._steps.reach(points.APPLY_WRITTEN)
        return changes


def _write_timers(transaction: Transaction, tables: Tables, changes: Changes) -> None:
    reset = [timer.id for timer in tables.timers.values() if timer.stream in changes.timers_reset]
    for timer_id in (*reset, *changes.timers_gone):
        transaction.drop(tables.timers, timer_id)
    for timer_id, timer in changes.timers.items():
        transaction.put(tables.timers, timer_id, timer)


def write_letters(transaction: Transaction, tables: Tables, letters: Iterable[DeadLetterRow]) -> None:
    """Each once; what was settled and stalls anew is open again."""
    for letter in letters:
        known = tables.letters.get(letter.id)
        if known is None or (letter.reason == STALLED and known.resolved_at is not None):
            transaction.put(tables.letters, letter.id, letter)
