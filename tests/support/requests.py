"""What a worker's handler sees in tests: blobs, whether work is wanted, and requests in their envelopes."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from penstock_contracts.enums import Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact, PullRequestRef
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.ids import request_id, stream_of, subject_of
from penstock_store.errors import BlobMissing

F = TypeVar("F", bound=Fact)
PULL_REQUEST = PullRequestRef("github", "github.com", "42", "acme/shop", 7)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeBlobs:
    """Blobs in a dictionary."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        self.data[blob] = data
        return blob

    async def get(self, blob: str) -> bytes:
        try:
            return self.data[blob]
        except KeyError:
            raise BlobMissing(blob) from None


class FakeExecutions:
    """Answers "wanted" as often as it is told to, then "not wanted"."""

    def __init__(self, times: int = 1_000_000) -> None:
        self.left = times
        self.asked: list[tuple[str, Stage, str, int]] = []

    async def still_wanted(self, run_id: str, stage: Stage, part: str, attempt: int) -> bool:
        self.asked.append((run_id, stage, part, attempt))
        self.left -= 1
        return self.left >= 0


def request(fact: F, *, part: str = "", not_after: datetime | None = None) -> Event[F]:
    """The fact in the envelope the orchestrator would give it, as the first attempt of a run."""
    stage = STAGE_OF_REQUEST[fact.TYPE].stage
    envelope = Envelope(
        id=request_id("run-1", stage, part, 1),
        type=fact.TYPE,
        source="orchestrator",
        time=NOON,
        stream=stream_of(PULL_REQUEST),
        subject=subject_of(PULL_REQUEST),
        workflow_id="run-1",
        epoch=1,
        stage=stage.value,
        part=part,
        attempt=1,
        not_after=not_after or NOON + timedelta(hours=1),
    )
    return Event(envelope, fact)
