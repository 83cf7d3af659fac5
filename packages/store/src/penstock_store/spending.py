"""What model calls may cost and did cost: values, and the pure rule by which both stores grant a reservation.

An amount is reserved before a call and settled after it. What was reserved and never settled counts as spent, since
whoever asked may have been killed after the model had answered; only what may still be settled is waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

UNLIMITED = 2**62


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, in and out, and money in millionths of whatever the prices are given in."""

    tokens: int = 0
    cost: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.cost + other.cost)

    def within(self, cap: "Amount") -> bool:
        return self.tokens <= cap.tokens and self.cost <= cap.cost


NO_CAP = Amount(UNLIMITED, UNLIMITED)


class Scope(StrEnum):
    """What a cap is for. The day is one of UTC, by the store's clock."""

    RUN = "review"
    STREAM = "pull request"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent within each scope. A scope without a cap is not even summed up."""

    of: Mapping[Scope, Amount] = field(default_factory=dict)
    settles_within: timedelta = timedelta(minutes=5)
    """How long a call may take: an older reservation will not be settled any more."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Who asks which model. Calls of one attempt are numbered by the store."""

    run_id: str
    stage: str
    part: str
    attempt: int
    stream: str
    model: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """The n-th call of an attempt may be made."""

    call: ModelCall
    number: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Spent:
    """What is gone within a scope, and what of it is only reserved and may still turn out to be less."""

    total: Amount = Amount()
    pending: Amount = Amount()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call must not be made. Not `for_good`: calls under way hold the rest, which may become free when they end."""

    scope: Scope
    spent: Amount
    cap: Amount
    for_good: bool


@dataclass(frozen=True, slots=True)
class RunSpending:
    """What a run has spent; `unsettled` of its calls count with all that was reserved for them."""

    run_id: str
    stream: str
    calls: int
    unsettled: int
    spent: Amount


class Spending(Protocol):
    """What models are asked and what it costs. What is reserved and never settled counts as spent."""

    async def reserve(self, call: ModelCall, amount: Amount, caps: Caps) -> Reservation | Refusal:
        """Reservations that were granted never exceed a cap together, whoever else reserves at the same time. Done
        twice it reserves twice: too much is counted rather than too little."""
        ...

    async def settle(self, reservation: Reservation, tokens_in: int, tokens_out: int, cost: int) -> None:
        """What the call really cost. The first time counts."""
        ...

    async def of_run(self, run_id: str) -> RunSpending | None:
        """None: no model was asked for it."""
        ...

    async def runs(self, after: str = "", limit: int = 500) -> Sequence[RunSpending]:
        """Every run that asked a model, by id: what a check compares with the cap."""
        ...


def refusal(spent: Mapping[Scope, Spent], amount: Amount, caps: Caps) -> Refusal | None:
    """None where there is room for this amount within every scope."""
    refused: Refusal | None = None
    for scope, cap in caps.of.items():
        gone = spent.get(scope, Spent())
        if (gone.total + amount).within(cap):
            continue
        settled = Amount(gone.total.tokens - gone.pending.tokens, gone.total.cost - gone.pending.cost)
        found = Refusal(scope, gone.total, cap, for_good=not (settled + amount).within(cap))
        if found.for_good:
            return found
        refused = refused or found
    return refused
