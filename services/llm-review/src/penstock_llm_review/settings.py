"""What the review by a model reads from its environment."""

from dataclasses import dataclass
from datetime import timedelta

from penstock_llm_review.budget import MILLION, Prices
from penstock_llm_review.prompts import PromptLimits
from penstock_runtime import parsers
from penstock_runtime.errors import SettingsError
from penstock_runtime.parsers import Secret
from penstock_runtime.settings import setting
from penstock_store.spending import UNLIMITED, Amount, Caps, Scope

OPENAI = "https://api.openai.com/v1"
_TOKENS = parsers.whole(0, 10**15)
_MONEY = parsers.number(0, 1e9)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    url: str = setting(
        "PENSTOCK_LLM_URL", parsers.url("https", "http"), OPENAI, about="an endpoint that speaks chat completions"
    )
    model: str | None = setting("PENSTOCK_LLM_MODEL", parsers.text, None, about="the model's name at this endpoint")
    key: Secret | None = setting("PENSTOCK_LLM_KEY", parsers.secret, None, about="the endpoint's key")
    seconds: float = setting("PENSTOCK_LLM_TIMEOUT", parsers.duration("1s"), 60.0, about="how long an answer may take")
    characters: int = setting(
        "PENSTOCK_LLM_MAX_INPUT", parsers.whole(10_000, 10_000_000), 120_000, about="characters told in one call"
    )
    answer_tokens: int = setting(
        "PENSTOCK_LLM_MAX_OUTPUT", parsers.whole(256, 1_000_000), 4096, about="tokens of one answer"
    )
    concurrency: int = setting(
        "PENSTOCK_LLM_CONCURRENCY", parsers.whole(1, 256), 8, about="calls of this process beside each other"
    )
    answer_seconds: float = setting(
        "PENSTOCK_LLM_ANSWER_TTL",
        parsers.duration("0"),
        7 * 86400.0,
        about="how long an answer is kept for the same question",
    )
    review_tokens: int = setting(
        "PENSTOCK_LLM_REVIEW_TOKENS", _TOKENS, 2_000_000, about="tokens that one review may take; 0 is no limit"
    )
    review_cost: float = setting(
        "PENSTOCK_LLM_REVIEW_COST", _MONEY, 0.0, about="money that one review may cost; 0 is no limit"
    )
    pull_request_tokens: int = setting(
        "PENSTOCK_LLM_PULL_REQUEST_TOKENS", _TOKENS, 0, about="the same for all reviews of a pull request"
    )
    pull_request_cost: float = setting(
        "PENSTOCK_LLM_PULL_REQUEST_COST", _MONEY, 0.0, about="the same for all reviews of a pull request"
    )
    day_tokens: int = setting("PENSTOCK_LLM_DAY_TOKENS", _TOKENS, 0, about="the same for everything in a day of UTC")
    day_cost: float = setting("PENSTOCK_LLM_DAY_COST", _MONEY, 0.0, about="the same for everything in a day of UTC")
    price_in: float = setting(
        "PENSTOCK_LLM_PRICE_IN", _MONEY, 0.0, about="price of a million tokens that the model is told"
    )
    price_out: float = setting(
        "PENSTOCK_LLM_PRICE_OUT", _MONEY, 0.0, about="price of a million tokens that the model answers"
    )

    @property
    def limits(self) -> PromptLimits:
        return PromptLimits(self.characters, self.answer_tokens)

    @property
    def answer_ttl(self) -> timedelta:
        return timedelta(seconds=self.answer_seconds)

    @property
    def prices(self) -> Prices:
        return Prices(self.price_in, self.price_out)

    @property
    def caps(self) -> Caps:
        """A call that has not ended a minute after its time is over will not be settled any more."""
        asked = {
            Scope.RUN: (self.review_tokens, self.review_cost),
            Scope.STREAM: (self.pull_request_tokens, self.pull_request_cost),
            Scope.DAY: (self.day_tokens, self.day_cost),
        }
        caps = {scope: _amount(tokens, cost) for scope, (tokens, cost) in asked.items() if tokens or cost}
        return Caps(caps, timedelta(seconds=self.seconds + 60))

    def chosen(self) -> str | None:
        """The name of the model that is asked; None where there is none: OpenAI without a key. An endpoint of one's
        own may do without. Raises SettingsError where only the name is missing, and where money is limited that nobody
        can count."""
        limited = [name for name, cost in self._costs().items() if cost]
        if limited and not (self.price_in or self.price_out):
            raise SettingsError(
                (f"{limited[0]} limits money: set PENSTOCK_LLM_PRICE_IN and PENSTOCK_LLM_PRICE_OUT as well",)
            )
        if self.key is None and self.url.rstrip("/") == OPENAI:
            return None
        if self.model is None:
            raise SettingsError(("PENSTOCK_LLM_MODEL is missing: set it to the name of the model to ask",))
        return self.model

    def _costs(self) -> dict[str, float]:
        return {
            "PENSTOCK_LLM_REVIEW_COST": self.review_cost,
            "PENSTOCK_LLM_PULL_REQUEST_COST": self.pull_request_cost,
            "PENSTOCK_LLM_DAY_COST": self.day_cost,
        }


def _amount(tokens: int, cost: float) -> Amount:
    """Nothing said is no limit."""
    return Amount(tokens or UNLIMITED, round(cost * MILLION) or UNLIMITED)
