"""An event: a fact in its envelope."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from penstock_contracts.envelope import Envelope
from penstock_contracts.facts import Fact

F_co = TypeVar("F_co", bound=Fact, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[F_co]):
    envelope: Envelope
    fact: F_co
