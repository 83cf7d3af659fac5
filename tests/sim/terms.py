"""What an installation is told in its settings: how many batches and reviews at once, and what is read once."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from random import Random

from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Limits, Rules
from penstock_orchestrator.settings import OrchestratorSettings
from penstock_runtime.settings import load


@dataclass(frozen=True, slots=True)
class Terms:
    window: int = 16
    debounce: float = 5.0
    limit: int = 0
    """How many reviews of the repository may be under way at once; 0: as many as come."""

    @classmethod
    def drawn(cls, rng: Random) -> "Terms":
        return cls(rng.choice((1, 16)), rng.choice((0.0, 5.0, 60.0)), rng.choice((0, 0, 0, 1, 2)))

    @property
    def limits(self) -> Limits:
        return Limits(repository=self.limit)

    @property
    def patience(self) -> timedelta:
        return timedelta(seconds=self.debounce)

    def rules(self) -> Rules:
        return _rules(self)

    def fold(self) -> OrchestratorFold:
        return _fold(self)

    def __str__(self) -> str:
        return f"window {self.window}, debounce {self.debounce:g}s, limit {self.limit or 'none'}"


@cache
def _rules(terms: Terms) -> Rules:
    rules = load(OrchestratorSettings, {}).rules()
    return replace(rules, window=terms.window, debounce=terms.patience, in_turn=terms.limits.any)


@cache
def _fold(terms: Terms) -> OrchestratorFold:
    return OrchestratorFold(_rules(terms))
