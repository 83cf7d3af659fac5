"""What all facts are made of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from penstock_contracts.enums import AnswerOutcome, ErrorClassification

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """What all facts share: the name under which they travel."""

    TYPE: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class PullRequestRef:
    """Where a pull request is. The repository's name is for display and for paths; its id is what identifies it."""

    platform: str
    instance: str
    repository_id: str
    repository: str
    number: int


@dataclass(frozen=True, slots=True)
class Answer(Fact):
    """What every answer says of the work itself."""

    outcome: AnswerOutcome = AnswerOutcome.OK
    error_class: ErrorClassification | None = None
    error: str = ""
    reason: str = ""
    retry_after: float | None = None
    started_at: datetime = EPOCH
    duration: float = 0.0
