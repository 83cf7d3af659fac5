"""Refold, a check: do the facts of a stream lead to what is stored of it?"""

from collections.abc import Sequence
from typing import TypeVar

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_store.encoding import check
from penstock_store.errors import CorruptState
from penstock_store.folding import refolded
from penstock_store.ports import Fold
from penstock_store.rows import Refolded, StreamRow

S = TypeVar("S")


def compare(stream: str, row: StreamRow | None, facts: Sequence[Event[Fact]], fold: Fold[S]) -> Refolded:
    """A state stored by another fold version is not compared: it is folded again before it is used."""
    if row is None:
        return Refolded(stream, equal=not facts, found="facts without a stored state" if facts else "")
    numbers = [fact.envelope.sequence for fact in facts]
    if numbers != list(range(1, row.sequence + 1)):
        return Refolded(stream, equal=False, found=f"facts 1 to {row.sequence} were expected, found are {numbers}")
    if row.fold_version != fold.version:
        return Refolded(stream, equal=True)
    again = refolded(fold, stream, facts)
    try:
        check(row.packed(), fold.encode(again))
    except CorruptState as corrupt:
        return Refolded(stream, equal=False, found=str(corrupt))
    if row.subject == fold.subject(again):
        return Refolded(stream, equal=True)
    return Refolded(stream, equal=False, found="the facts lead to another subject than the stored one")
