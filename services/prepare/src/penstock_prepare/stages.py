"""How long each light stage took (B20)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from penstock_contracts.facts import StageTime
from penstock_runtime.clock import Clock


class LightStage(StrEnum):
    """The light stages of this service, in their order. Their names travel in answers."""

    VALIDATE_NEW_COMMITS = "ValidateNewCommits"
    RESOLVE_CONFIG = "ResolveConfig"
    VALIDATE_CONFIG = "ValidateConfig"
    FETCH_CHANGED_FILES = "FetchChangedFiles"
    LOAD_EXTERNAL_CONTEXT = "LoadExternalContext"
    FILE_CONTEXT_GATE = "FileContextGate"
    FINE_TUNING = "FineTuning"


@dataclass(slots=True)
class Stages:
    """Collects the times of one preparation."""

    clock: Clock
    times: list[StageTime] = field(default_factory=list)

    @contextmanager
    def timed(self, stage: LightStage) -> Iterator[None]:
        """A stage that raises is not listed: its failure is the answer's."""
        started_at, began = self.clock.now(), self.clock.monotonic()
        yield
        self.times.append(StageTime(stage.value, started_at, self.clock.monotonic() - began))

    def skipped(self, stage: LightStage) -> None:
        """A stage that has nothing to do in this installation."""
        self.times.append(StageTime(stage.value, self.clock.now(), 0.0, "skipped"))
