"""What a handler returns. The loop does the rest: envelopes, delivery, dead letters, commits."""

from dataclasses import dataclass

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.facts import Fact


@dataclass(frozen=True, slots=True)
class Emit:
    """Facts to say. For a request this is its answer, which the loop puts in the answer's envelope."""

    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to say: the work is not wanted any more. Only after still_wanted said no."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The work failed: the loop says so in a failed answer of the stage."""

    error_class: ErrorClassification
    error: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The record can never be handled."""

    reason: str
    error: str = ""


Outcome = Emit | Skip | Failed | DeadLetter
