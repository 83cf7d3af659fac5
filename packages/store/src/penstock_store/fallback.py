"""What happens when a batch cannot be applied: one by one, and what cannot be applied alone is stalled, visibly.

One of the two places of the system that catch broadly, because the fold is handed in, may raise anything, and one
event's fault must not stop the others. What is no fault of an event passes through: see `_NOT_ITS_FAULT`.
"""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, TimerFired
from penstock_store.errors import CorruptState, RowRefused, SchemaMismatch, StoreUnavailable, WrongCredentials
from penstock_store.letters import Trouble, letter_id, redrive_remedy, refused_remedy
from penstock_store.ports import Fold
from penstock_store.rows import Delivered, Verdict
from penstock_store.texts import describe, printable

S = TypeVar("S")
T = TypeVar("T")

_log = logging.getLogger(__name__)
_NOT_ITS_FAULT = (StoreUnavailable, WrongCredentials, SchemaMismatch)


class Transactions(Protocol):
    """What an adapter has to offer; each of these is one transaction, done whole or not at all."""

    async def together(self, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]) -> Sequence[Verdict]: ...

    async def refolding(self, consumer: str, delivered: Delivered, fold: Fold[S]) -> Verdict:
        """Applies one event to a state folded from the facts, whatever is stored."""
        ...

    async def stall(self, consumer: str, delivered: Delivered, fold: Fold[S], trouble: Trouble) -> Verdict: ...

    async def bury(self, consumer: str, delivered: Delivered, fold: Fold[S], trouble: Trouble) -> Verdict:
        """The dead letter and the inbox row alone: for a stream of which no state can be had."""
        ...

    async def keep(self, consumer: str, delivered: Delivered, fold: Fold[S], error: str) -> Verdict:
        """A dead letter under names of ours, and nothing else: for an event whose own names are refused. It is known
        by no inbox row, so delivered again it comes here again, and its letter is there already."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """An event's own failure, as a value."""

    error: Exception


async def attempt(work: Awaitable[T]) -> T | Fault:
    try:
        return await work
    except _NOT_ITS_FAULT:
        raise
    except Exception as error:  # noqa: BLE001 - see the module's docstring
        return Fault(error)


def log_fault(message: str, event: Event[Fact], fault: Fault) -> None:
    """With where it was raised; only of a refused row without, since what the driver raised quotes the row's values."""
    refused = isinstance(fault.error, RowRefused)
    envelope = event.envelope
    ids = {"event": envelope.id, "type": envelope.type, "stream": envelope.stream}
    _log.error(message, exc_info=None if refused else fault.error, extra={**ids, "error": describe(fault.error)})


async def apply_all(
    transactions: Transactions, consumer: str, delivered: Sequence[Delivered], fold: Fold[S]
) -> Sequence[Verdict]:
    if not delivered:
        return ()
    if len(delivered) > 1:
        verdicts = await attempt(transactions.together(consumer, delivered, fold))
        if not isinstance(verdicts, Fault):
            return verdicts
    return [await _apply_alone(transactions, consumer, one, fold) for one in delivered]


async def stall_one(
    transactions: Transactions, consumer: str, one: Delivered, fold: Fold[S], trouble: Trouble
) -> Verdict:
    trouble = Trouble(printable(trouble.error), trouble.remedy)
    stalled = await attempt(transactions.stall(consumer, one, fold, trouble))
    if not isinstance(stalled, Fault):
        return stalled
    log_fault("a stall cannot be stored", one.event, stalled)
    both = f"{trouble.error}; and the stall could not be stored: {describe(stalled.error)}"
    buried = await attempt(transactions.bury(consumer, one, fold, Trouble(both, trouble.remedy)))
    if not isinstance(buried, Fault):
        return buried
    log_fault("a dead letter cannot be stored", one.event, buried)
    return await transactions.keep(consumer, one, fold, f"{describe(buried.error)}; before that: {both}")


async def _apply_alone(transactions: Transactions, consumer: str, one: Delivered, fold: Fold[S]) -> Verdict:
    verdicts = await attempt(transactions.together(consumer, [one], fold))
    if not isinstance(verdicts, Fault):
        return verdicts[0]
    fault = verdicts
    if isinstance(fault.error, CorruptState):
        verdict = await attempt(transactions.refolding(consumer, one, fold))
        if not isinstance(verdict, Fault):
            return verdict
        fault = verdict
    log_fault("an event cannot be applied", one.event, fault)
    remedy_of = refused_remedy if _says_what_is_refused(one.event, fault) else redrive_remedy
    remedy = remedy_of(letter_id(consumer, one.event.envelope.id))
    return await stall_one(transactions, consumer, one, fold, Trouble(describe(fault.error), remedy))


def _says_what_is_refused(event: Event[Fact], fault: Fault) -> bool:
    """A timer says nothing of its own: what the database refuses of it, it takes when it is well again."""
    return isinstance(fault.error, RowRefused) and not isinstance(event.fact, TimerFired)
