"""What the preparation reads from its environment, beside the platforms' own variables."""

from dataclasses import dataclass
from datetime import timedelta

from penstock_runtime import parsers
from penstock_runtime.settings import setting


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    ignored_authors: tuple[str, ...] = setting(
        "PENSTOCK_IGNORED_AUTHORS", parsers.words, (), about="whose pull requests are reviewed by command only"
    )
    configuration_seconds: float = setting(
        "PENSTOCK_CONFIG_TTL", parsers.duration("0"), 300.0, about="how long a configuration that was read is kept"
    )

    @property
    def configuration_ttl(self) -> timedelta:
        return timedelta(seconds=self.configuration_seconds)
