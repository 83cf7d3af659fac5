"""What this service needs from outside, beside the blobs."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked."""

    system: str
    user: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """`cut_off` says that the model had more to say than it was allowed to."""

    text: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cut_off: bool = False


class Model(Protocol):
    """A model behind an address. Costs money with every call; raises nothing but ModelError, and never tries again."""

    @property
    def name(self) -> str: ...

    async def ask(self, prompt: Prompt) -> ModelAnswer: ...

    async def close(self) -> None: ...
