"""What the preparation reads from its environment, beside the platforms' own variables."""

from dataclasses import dataclass

from penstock_runtime import parsers
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    ignored_authors: tuple[str, ...] = setting(
        "PENSTOCK_IGNORED_AUTHORS", parsers.words, (), about="whose pull requests are reviewed by command only"
    )
