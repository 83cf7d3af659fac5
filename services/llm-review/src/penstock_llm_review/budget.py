"""What models may cost: reserved before a call, settled after it."""

from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_llm_review.errors import BudgetHeld, BudgetSpent, ModelError
from penstock_llm_review.ports import ModelAnswer, Prompt
from penstock_store.spending import UNLIMITED, Amount, Caps, ModelCall, Refusal, Reservation, Spending

F = TypeVar("F", bound=Fact)
MILLION = 1_000_000
# What a provider puts around the two messages.
_WRAPPING_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens. Zero where nobody has said them: then only tokens are counted."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def millionths(self, tokens_in: int, tokens_out: int) -> int:
        return ceil(tokens_in * self.tokens_in + tokens_out * self.tokens_out)

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        return self.millionths(tokens_in, tokens_out) / MILLION


@dataclass(frozen=True, slots=True)
class Budget:
    """The caps of this installation, and where what was spent is written down."""

    spending: Spending
    caps: Caps
    prices: Prices

    async def reserve(self, event: Event[F], prompt: Prompt, model: str) -> Reservation:
        """Raises BudgetSpent, and BudgetHeld where it is worth to ask again."""
        envelope = event.envelope
        call = ModelCall(
            run_id=envelope.workflow_id,
            stage=envelope.stage,
            part=envelope.part,
            attempt=envelope.attempt,
            stream=envelope.stream,
            model=model,
        )
        granted = await self.spending.reserve(call, self.most(prompt), self.caps)
        if isinstance(granted, Refusal):
            raise _refused(granted, self.most(prompt), self.caps)
        return granted

    async def settle(self, reservation: Reservation, answer: ModelAnswer) -> None:
        """A provider that does not say how many tokens it took is taken to have used all that was reserved."""
        tokens_in, tokens_out = answer.input_tokens, answer.output_tokens
        if tokens_in or tokens_out:
            cost = self.prices.millionths(tokens_in, tokens_out)
            await self.spending.settle(reservation, tokens_in, tokens_out, cost)

    async def failed(self, reservation: Reservation, error: ModelError) -> None:
        """What may have been charged stays reserved, which counts as spent."""
        if not error.may_be_charged:
            await self.spending.settle(reservation, 0, 0, 0)

    def most(self, prompt: Prompt) -> Amount:
        """The most that a call can cost: no token is shorter than a byte, and no answer longer than it may be."""
        told = len(prompt.system.encode(errors="replace")) + len(prompt.user.encode(errors="replace"))
        tokens_in = told + _WRAPPING_TOKENS
        return Amount(tokens_in + prompt.max_tokens, self.prices.millionths(tokens_in, prompt.max_tokens))


def _refused(refusal: Refusal, amount: Amount, caps: Caps) -> ModelError:
    if not refusal.for_good:
        return BudgetHeld(_told(refusal, amount), retry_after=caps.settles_within.total_seconds() / 2)
    return BudgetSpent(_told(refusal, amount))


def _told(refusal: Refusal, amount: Amount) -> str:
    spent, cap = refusal.spent, refusal.cap
    if spent.tokens + amount.tokens > cap.tokens or cap.cost >= UNLIMITED:
        detail = f"{spent.tokens} of {cap.tokens} tokens are spent, this call may need {amount.tokens}"
    else:
        shown = [f"{millionths / MILLION:.2f}" for millionths in (spent.cost, cap.cost, amount.cost)]
        detail = "{} of {} are spent, this call may cost {}".format(*shown)
    return f"for one {refusal.scope}: {detail}"
