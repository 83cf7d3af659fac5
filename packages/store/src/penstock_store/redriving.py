"""The redrive of a stalled event: the request and the event are applied together, or it is stored that it failed again.

1. redrive       request and event applied, the letter resolved
2. stall again   the request applied, the stream says anew that the event stalls, the letter has the new error
3. bury again    the letter has the new error: for a stream of which no state can be had

One transaction each, tried in this order. All of them remember the request, so each is carried out once.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from penstock_contracts.codec import Codec
from penstock_contracts.errors import BadEnvelope, ContractError
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, RepairRequested
from penstock_store.errors import NotRedrivable
from penstock_store.fallback import Fault, attempt, log_fault
from penstock_store.letters import STALLED, Trouble, stalled_by
from penstock_store.ports import Fold
from penstock_store.rows import DeadLetterRow, Delivered, Verdict
from penstock_store.texts import describe, printable

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Redrive:
    """Who asks for it, and the letter with its event, or with as much of it as can be read and why it is not more."""

    consumer: str
    request: Delivered
    letter: DeadLetterRow
    event: Event[Fact]
    unreadable: str = ""

    @property
    def delivered(self) -> Delivered:
        return Delivered(self.event, self.letter.record)

    @property
    def resolution(self) -> str:
        return f"redriven by {asked_of(self.request).actor}"


class RedriveTransactions(Protocol):
    """What an adapter has to offer. Each answers DUPLICATE where the request is known, and raises NotRedrivable where
    the letter is not open any more."""

    async def redrive(self, asked: Redrive, fold: Fold[S]) -> Verdict: ...

    async def stall_again(self, asked: Redrive, fold: Fold[S], trouble: Trouble) -> Verdict: ...

    async def bury_again(self, asked: Redrive, trouble: Trouble) -> Verdict: ...


def asked_of(request: Delivered) -> RepairRequested:
    """Raises NotRedrivable where it is none."""
    fact = request.event.fact
    if not isinstance(fact, RepairRequested):
        raise NotRedrivable("", f"{request.event.envelope.type} asks for no redrive")
    return fact


def redrive_of(consumer: str, request: Delivered, letter: DeadLetterRow | None, codec: Codec) -> Redrive:
    """Raises NotRedrivable."""
    letter = _redrivable(request, letter)
    try:
        return Redrive(consumer, request, letter, codec.decode(letter.record.headers, letter.record.value))
    except ContractError as error:
        unreadable = printable(f"its bytes cannot be decoded: {error}")
    try:
        return Redrive(consumer, request, letter, stalled_by(letter), unreadable)
    except BadEnvelope as error:
        raise NotRedrivable(letter.id, f"its headers cannot be read: {error}") from error


async def redrive_one(transactions: RedriveTransactions, asked: Redrive, fold: Fold[S]) -> Verdict:
    """Raises NotRedrivable."""
    error = asked.unreadable
    if not error:
        done = _passing(await attempt(transactions.redrive(asked, fold)))
        if not isinstance(done, Fault):
            return done
        log_fault("an event cannot be applied again", asked.event, done)
        error = describe(done.error)
    trouble = Trouble(error, asked.letter.remedy)
    again = _passing(await attempt(transactions.stall_again(asked, fold, trouble)))
    if not isinstance(again, Fault):
        return again
    log_fault("a stall cannot be stored", asked.event, again)
    return await transactions.bury_again(asked, trouble)


def _redrivable(request: Delivered, letter: DeadLetterRow | None) -> DeadLetterRow:
    letter_id = asked_of(request).letter_id
    if letter is None or letter.stream != request.event.envelope.stream:
        raise NotRedrivable(letter_id, "there is no such letter of this stream")
    if letter.reason != STALLED or letter.resolved_at is not None:
        raise NotRedrivable(letter_id, f"it is {letter.resolution or letter.reason}, not {STALLED}")
    return letter


def _passing(done: Verdict | Fault) -> Verdict | Fault:
    if isinstance(done, Fault) and isinstance(done.error, NotRedrivable):
        raise done.error
    return done
