"""Dead letters and blocked streams: what is stuck, and what people ask of it.

A stalled event is applied again by the orchestrator, which is asked for it by a fact. Any other letter goes back to its
topic, as it came, from here. A letter is settled in one transaction with what is said of it, so that of two who ask at
once one is refused. Who asked is kept in the facts of the stream, and in how the letter was settled.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from penstock_console import stalls, views
from penstock_console.decide import Repair, Stuck, repair_event
from penstock_console.errors import LetterSettled, LetterUnknown, NotBlocked, NothingToApply, NothingToSend
from penstock_console.ports import Rooms
from penstock_contracts.codec import Codec
from penstock_contracts.enums import RepairAction
from penstock_contracts.errors import ContractError, UnknownSchema
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.routing import route
from penstock_contracts.schemas import schema_id
from penstock_store.letters import STALLED, key_of
from penstock_store.rows import DeadLetterRow, LetterFilter, NewOutboxRow
from penstock_store.texts import printable

_log = logging.getLogger(__name__)
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class RepairDesk:
    store: Rooms
    codec: Codec

    async def letters(self, wanted: LetterFilter) -> Sequence[DeadLetterRow]:
        """Raises LetterUnknown, of the one behind which they are asked for."""
        if wanted.after:
            await self._row(wanted.after)
        return await self.store.dead_letters.letters(wanted)

    async def letter(self, letter_id: str) -> views.ShownLetter:
        """Raises LetterUnknown. A letter is read again after its redrives: one that has just been settled would else be
        shown as open, with a redrive that has not failed."""
        row = await self._row(letter_id)
        redrives: Sequence[views.Redrive] = ()
        if row.reason == STALLED:
            redrives = stalls.redrives(row.id, await self.store.streams.facts(row.stream))
            row = await self._row(letter_id)
        return stalls.shown(row, await self._read(row), redrives)

    async def redrive(self, letter_id: str, repair: Repair) -> views.Repaired:
        """Raises LetterUnknown, LetterSettled, NothingToSend, NothingToApply."""
        row = await self._open(letter_id)
        if row.reason == STALLED:
            try:
                event_id, asked = await self._asked(stalls.stuck_at(row), repair)
            except ContractError as error:
                raise NothingToApply(row.id, str(error)) from error
            new = await self.store.receipts.receive(event_id, asked)
            return _repaired(row, repair, event_id, new=new)
        outcome = f"sent back to {row.record.topic}"
        await self._settle(row, f"{outcome} by {repair.actor}", [_as_it_came(row)])
        _log.info("a dead letter was sent back", extra={"letter": row.id, "actor": repair.actor})
        return _repaired(row, repair, outcome=outcome)

    async def discard(self, letter_id: str, repair: Repair) -> views.Repaired:
        """The run of a stalled event waits for it no longer. Whatever is listed can be discarded: where no event can
        name it, as of letters from before names were bounded, its run goes on at its deadline. Raises LetterUnknown,
        LetterSettled."""
        row = await self._open(letter_id)
        event_id, said = "", []
        if row.reason == STALLED:
            try:
                event_id, asked = await self._asked(stalls.stuck_at(row), repair)
                said = [asked]
            except ContractError as error:
                _log.warning("its run is not told of it", extra={"letter": row.id, "error": printable(str(error))})
        await self._settle(row, f"discarded by {repair.actor}: {repair.reason}", said)
        _log.info("a dead letter was discarded", extra={"letter": row.id, "actor": repair.actor})
        return _repaired(row, repair, event_id, outcome="discarded")

    async def blocked(self) -> Sequence[views.BlockedStream]:
        return [stalls.blocked_stream(one) for one in await self.store.outbox.blocked(_MOST)]

    async def unblock(self, stream: str, repair: Repair) -> views.Repaired:
        """What the log refuses again is blocked again. Who asked is stored with the stream, where that is a pull
        request's and not that of a letter alone. Raises NotBlocked."""
        subject = await self.store.jobs.subject(stream)
        event_id, said = "", []
        if subject:
            event_id, asked = await self._asked(Stuck(stream, subject), repair)
            said = [asked]
        if not await self.store.outbox.unblock(stream, said):
            raise NotBlocked(stream)
        _log.info("a stream was unblocked", extra={"stream": stream, "actor": repair.actor})
        return views.Repaired(
            action=repair.action,
            actor=repair.actor,
            stream=stream,
            letter_id="",
            run_id="",
            event_id=event_id,
            outcome="unblocked",
            new=True,
        )

    async def stalls_of(self, run_id: str) -> Sequence[views.Stall]:
        run = await self.store.jobs.job(run_id)
        if run is None:
            return []
        letters = await self.letters(LetterFilter(stream=run.stream, limit=_MOST))
        return stalls.of_run(run, letters, await self.store.outbox.blocked(_MOST, run.stream))

    async def oldest(self, limit: int) -> Sequence[views.Stall]:
        """What holds up a pull request comes first: rubbish, of which there may be any number, holds up nobody."""
        stalled = await self.letters(LetterFilter(reason=STALLED, limit=limit))
        blocked = await self.store.outbox.blocked(limit)
        others = [row for row in await self.letters(LetterFilter(limit=limit + len(stalled))) if row.reason != STALLED]
        return [*map(stalls.of_letter, stalled), *map(stalls.of_blocked, blocked), *map(stalls.of_letter, others)][
            :limit
        ]

    async def _asked(self, stuck: Stuck, repair: Repair) -> tuple[str, NewOutboxRow]:
        event = repair_event(stuck, repair, await self.store.now())
        target, encoded = route(event.envelope), self.codec.encode(event)
        row = NewOutboxRow(stuck.stream, target.topic, target.key, target.spread, encoded.headers, encoded.value)
        return event.envelope.id, row

    async def _settle(self, row: DeadLetterRow, resolution: str, said: Sequence[NewOutboxRow]) -> None:
        if not await self.store.dead_letters.settle(row.id, resolution, said):
            raise LetterSettled(row.id, "somebody else was quicker")

    async def _row(self, letter_id: str) -> DeadLetterRow:
        row = await self.store.dead_letters.get(letter_id)
        if row is None:
            raise LetterUnknown(letter_id)
        return row

    async def _open(self, letter_id: str) -> DeadLetterRow:
        row = await self._row(letter_id)
        if row.resolved_at is not None:
            raise LetterSettled(letter_id, row.resolution)
        return row

    async def _read(self, row: DeadLetterRow) -> stalls.Read:
        """Bytes that nobody can read are counted and never shown: it is not known what they hold."""
        if row.record.value is None:
            return stalls.Read(None, "it has no value")
        try:
            event = await self._decoded(row)
        except ContractError as error:
            return stalls.Read(None, f"{len(row.record.value)} bytes that cannot be decoded: {error}")
        return stalls.Read(msgspec.to_builtins(event.fact))

    async def _decoded(self, row: DeadLetterRow) -> Event[Fact]:
        """With the schema of another version, where that is in the table of schemas. Raises ContractError."""
        try:
            return self.codec.decode(row.record.headers, row.record.value)
        except UnknownSchema as unknown:
            text = await self.store.schemas.text(unknown.schema_id)
            if text is None or schema_id(text) != unknown.schema_id:
                raise
            self.codec.learn(unknown.schema_id, text)
        return self.codec.decode(row.record.headers, row.record.value)


def _as_it_came(row: DeadLetterRow) -> NewOutboxRow:
    """Its bytes at a new place: what was handled before is known by its id and not done again."""
    record = row.record
    if record.value is None:
        raise NothingToSend(row.id)
    stream = row.stream or row.id
    return NewOutboxRow(stream, record.topic, key_of(row) or stream, None, record.headers, record.value)


def _repaired(
    row: DeadLetterRow, repair: Repair, event_id: str = "", *, outcome: str = "", new: bool = True
) -> views.Repaired:
    return views.Repaired(
        action=repair.action,
        actor=repair.actor,
        stream=row.stream,
        letter_id=row.id,
        run_id=row.run_id,
        event_id=event_id,
        outcome=outcome,
        new=new,
    )


HANDLES = {
    f"POST /workflow-queue/dead-letters/{{id}}/{RepairAction.REDRIVE}": RepairDesk.redrive,
    f"POST /workflow-queue/dead-letters/{{id}}/{RepairAction.DISCARD}": RepairDesk.discard,
    f"POST /workflow-queue/blocked-streams/{{stream}}/{RepairAction.UNBLOCK}": RepairDesk.unblock,
}
