"""What the review by a model reads from its environment."""

from dataclasses import dataclass

from penstock_llm_review.prompts import PromptLimits
from penstock_runtime import parsers
from penstock_runtime.errors import SettingsError
from penstock_runtime.parsers import Secret
from penstock_runtime.settings import setting

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    url: str = setting(
        "PENSTOCK_LLM_URL", parsers.url("https", "http"), OPENAI, about="an endpoint that speaks chat completions"
    )
    model: str | None = setting("PENSTOCK_LLM_MODEL", parsers.text, None, about="the model's name at this endpoint")
    key: Secret | None = setting("PENSTOCK_LLM_KEY", parsers.secret, None, about="the endpoint's key")
    seconds: float = setting("PENSTOCK_LLM_TIMEOUT", parsers.duration, 60.0, about="how long an answer may take")
    characters: int = setting(
        "PENSTOCK_LLM_MAX_INPUT", parsers.whole(10_000, 10_000_000), 120_000, about="characters told in one call"
    )
    answer_tokens: int = setting(
        "PENSTOCK_LLM_MAX_OUTPUT", parsers.whole(256, 1_000_000), 4096, about="tokens of one answer"
    )
    concurrency: int = setting(
        "PENSTOCK_LLM_CONCURRENCY", parsers.whole(1, 256), 8, about="calls of this process beside each other"
    )

    @property
    def limits(self) -> PromptLimits:
        return PromptLimits(self.characters, self.answer_tokens)

    def chosen(self) -> str | None:
        """The name of the model that is asked; None where there is none: OpenAI without a key. An endpoint of one's
        own may do without. Raises SettingsError where only the name is missing."""
        if self.key is None and self.url.rstrip("/") == OPENAI:
            return None
        if self.model is None:
            raise SettingsError(("PENSTOCK_LLM_MODEL is missing: set it to the name of the model to ask",))
        return self.model
