"""The fifth step of the loop: answers to the log, dead letters to the store, and what may be committed after that."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from penstock_contracts.codec import Codec
from penstock_contracts.enums import ErrorClassification
from penstock_contracts.envelope import Envelope
from penstock_contracts.errors import ContractError, EventTooLarge, Unencodable
from penstock_contracts.event import Event
from penstock_contracts.facts import DeadLettered, Fact
from penstock_eventlog.answers import Handling, NotAnAnswer, answer, consequences, failed_answer, is_request
from penstock_eventlog.beside import Beside
from penstock_eventlog.budget import LetterBudget
from penstock_eventlog.errors import LogUnavailable, RecordRefused
from penstock_eventlog.letters import envelope_of, kept_of, letter_of, rows_of
from penstock_eventlog.outcomes import DeadLetter, Emit, Failed, Outcome, Skip
from penstock_eventlog.ports import Bell, NewRecord, Partition, Producer
from penstock_eventlog.records import record_of
from penstock_eventlog.work import Stall
from penstock_runtime.clock import Clock
from penstock_store.errors import RowRefused
from penstock_store.letters import dead_lettered_row
from penstock_store.ports import DeadLetters
from penstock_store.rows import Delivered, RawRecord

UNENCODABLE = "unencodable"
_log = logging.getLogger(__name__)
_OVER_BUDGET = (
    "most records end as dead letters, so the fault is rather ours than theirs: the next one would, from {topic} "
    "({reason}). It is kept, and so is what follows it; `penstock dlq ls` shows the others. Repair or roll back what "
    "causes this, then start the process again"
)


@dataclass(frozen=True, slots=True)
class Handled:
    """A record and what its handler said."""

    record: RawRecord
    event: Event[Fact] | None
    outcome: Outcome
    handling: Handling

    @property
    def partition(self) -> Partition:
        return self.record.topic, self.record.partition


def outputs(handled: Handled, codec: Codec) -> Sequence[NewRecord] | DeadLetter:
    """What is to be published for a handled record. Pure. A request is always answered, unless it is skipped."""
    outcome, handling = handled.outcome, handled.handling
    if isinstance(outcome, DeadLetter):
        return outcome
    if isinstance(outcome, Skip) or handled.event is None:
        return ()
    envelope = handled.event.envelope
    if not is_request(handled.record.topic, envelope.type):
        if isinstance(outcome, Failed):
            return DeadLetter(f"failed: {outcome.error_class}", outcome.error)
        return _consequences(handled, outcome, codec)
    return _answered(envelope, outcome, handling, codec)


def _answered(
    envelope: Envelope, outcome: Emit | Failed, handling: Handling, codec: Codec
) -> Sequence[NewRecord] | DeadLetter:
    try:
        if isinstance(outcome, Emit):
            return (record_of(answer(envelope, outcome.facts, handling), codec),)
        failed = outcome
    except NotAnAnswer as error:
        failed = Failed(ErrorClassification.UNKNOWN, str(error))
    except Unencodable as error:
        failed = Failed(ErrorClassification.PERMANENT, str(error))
    try:
        return (record_of(failed_answer(envelope, failed, handling), codec),)
    except Unencodable as error:
        return DeadLetter(UNENCODABLE, str(error))


def _consequences(handled: Handled, outcome: Emit, codec: Codec) -> Sequence[NewRecord] | DeadLetter:
    assert handled.event is not None
    said = consequences(handled.event.envelope, outcome.facts, handled.handling)
    try:
        return [record_of(event, codec) for event in said]
    except EventTooLarge as error:
        return DeadLetter("too large", str(error))
    except Unencodable as error:
        return DeadLetter(UNENCODABLE, str(error))


Outgoing = tuple[Handled, Sequence[NewRecord]]


class Delivery:
    """Holds what was handled until its outputs are acknowledged. One send is under way at a time, in a task of its own,
    because the log may take as long as it is away, and the loop has to go on polling."""

    def __init__(
        self,
        producer: Producer,
        letters: DeadLetters,
        codec: Codec,
        clock: Clock,
        *,
        group: str,
        source: str,
        stall: Stall | None,
        bell: Bell,
    ) -> None:
        self._producer = producer
        self._letters = letters
        self._codec = codec
        self._clock = clock
        self._group = group
        self._source = source
        self._stall = stall
        self._beside = Beside(bell)
        self._budget = LetterBudget()
        self._to_send: list[Outgoing] = []
        self._under_way: list[Outgoing] = []
        self._to_bury: list[tuple[Handled, DeadLetter]] = []
        self._delivered: list[Handled] = []
        self.over_budget = ""
        """Why no more dead letters may be written: the fault is ours."""

    def add(self, handled: Handled) -> None:
        out = outputs(handled, self._codec)
        if isinstance(out, DeadLetter):
            self._to_bury.append((handled, out))
        elif out:
            self._to_send.append((handled, out))
        else:
            self._finish(handled)

    def take(self) -> list[Handled]:
        """What is acknowledged, each once."""
        delivered, self._delivered = self._delivered, []
        return delivered

    def drop(self, lost: frozenset[Partition]) -> None:
        """What is under way goes on; it is only not committed."""
        self._to_send = [item for item in self._to_send if item[0].partition not in lost]
        self._to_bury = [item for item in self._to_bury if item[0].partition not in lost]
        self._delivered = [handled for handled in self._delivered if handled.partition not in lost]

    def send(self) -> bool:
        """Whether a send has succeeded. Raises LogUnavailable when the last one failed; what it held is kept."""
        settled = self._settle()
        if self._beside.free() and self._to_send:
            self._under_way, self._to_send = self._to_send, []
            self._beside.begin(self._producer.send([record for _, out in self._under_way for record in out]))
        return settled

    async def wait(self, limit: float) -> None:
        await self._beside.wait(limit)

    def abandon(self) -> None:
        self._beside.abandon()

    async def bury(self) -> bool:
        """Dead letters, one transaction each, as far as the budget allows. Raises StoreUnavailable; what was not buried
        is kept."""
        buried = False
        while self._to_bury:
            handled, why = self._to_bury[0]
            if not self._budget.allows():
                self.over_budget = _OVER_BUDGET.format(topic=handled.record.topic, reason=why.reason)
                break
            await self._bury(handled, why)
            del self._to_bury[0]
            self._budget.count(dead_letter=True)
            self._delivered.append(replace(handled, outcome=why))
            buried = True
        return buried

    def _settle(self) -> bool:
        try:
            if not self._beside.take():
                return False
        except LogUnavailable:
            self._to_send = self._under_way + self._to_send
            raise
        except RecordRefused as error:
            self._settle_refused(self._under_way, error)
            return True
        for handled, _ in self._under_way:
            self._finish(handled)
        return True

    def _settle_refused(self, items: list[Outgoing], error: RecordRefused) -> None:
        first = 0
        for handled, out in items:
            reasons = [error.refused[index] for index in range(first, first + len(out)) if index in error.refused]
            first += len(out)
            if reasons:
                self._to_bury.append((handled, DeadLetter("answer refused by the log", reasons[0])))
            else:
                self._finish(handled)

    def _finish(self, handled: Handled) -> None:
        self._budget.count(dead_letter=False)
        self._delivered.append(handled)

    async def _bury(self, handled: Handled, why: DeadLetter) -> None:
        now = self._clock.now()
        letter = letter_of(self._group, handled.record, why, now)
        _log.error(
            "dead letter",
            extra={"letter": letter.id, "topic": handled.record.topic, "reason": why.reason, "error": letter.error},
        )
        event = handled.event or self._stand_in(handled.record, letter.id, why)
        if self._stall is not None and event is not None:
            await self._stall(Delivered(event, handled.record), why)
            return
        try:
            await self._letters.put(letter, rows_of(letter, self._source, now, self._codec))
        except (RowRefused, ContractError) as error:
            kept = kept_of(letter, error, now)
            _log.error("a dead letter cannot be stored", extra={"letter": kept.id, "error": kept.error})
            await self._letters.put(kept, [dead_lettered_row(kept, "", now, self._codec)])

    def _stand_in(self, record: RawRecord, letter_id: str, why: DeadLetter) -> Event[Fact] | None:
        """An event whose envelope can be read and whose fact cannot: it can be said of a stream that it stalls."""
        envelope = envelope_of(record)
        if envelope is None:
            return None
        place = (record.topic, record.partition, record.position)
        return Event(envelope, DeadLettered(letter_id, self._group, *place, why.reason, why.error))
