"""Events that tests of the log need."""

from dataclasses import replace
from datetime import UTC, datetime

from penstock_contracts.codec import Codec
from penstock_contracts.enums import PullRequestKind, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import AstRequested, Batch, Fact, FilesReviewRequested, PrReceived, PullRequestRef
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.ids import deterministic_id
from penstock_eventlog.ports import NewRecord
from penstock_eventlog.records import record_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REF = PullRequestRef("github", "github.com", "17", "owner/repo", 7)
CODEC = Codec()


def ast_requested(run: str, number: int = 0, attempt: int = 1) -> Event[Fact]:
    fact = AstRequested(REF, f"head-{number}", "base", "", "", "")
    return Event(_request(fact, run, "", attempt, str(number)), fact)


def files_requested(run: str, part: int) -> Event[Fact]:
    fact = FilesReviewRequested(REF, "head", "base", "", Batch(part, 3, ""))
    return Event(_request(fact, run, str(part), 1, ""), fact)


def pr_received(stream: str, number: int = 0) -> Event[Fact]:
    fact = PrReceived(
        PullRequestKind.UPDATED, "github", "github.com", "17", "owner/repo", 7, f"d-{number}", hint_head=str(number)
    )
    envelope = Envelope(
        id=deterministic_id("test", stream, str(number)), type=fact.TYPE, source="test", time=NOW, stream=stream
    )
    return Event(envelope, fact)


def _request(fact: Fact, run: str, part: str, attempt: int, more: str) -> Envelope:
    stage: Stage = STAGE_OF_REQUEST[fact.TYPE].stage
    return Envelope(
        id=deterministic_id("test request", run, stage, part, str(attempt), more),
        type=fact.TYPE,
        source="test",
        time=NOW,
        stream=f"stream of {run}",
        subject="github:owner/repo#7",
        workflow_id=run,
        epoch=3,
        stage=stage,
        part=part,
        attempt=attempt,
        correlation_id="correlation",
        not_after=datetime(2026, 1, 2, tzinfo=UTC),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def record(event: Event[Fact]) -> NewRecord:
    return record_of(event, CODEC)


def garbage(event: Event[Fact]) -> NewRecord:
    """Headers that can be read, with bytes that cannot."""
    return replace(record(event), value=b"\x00not avro")


def noise(topic: str, key: str = "k") -> NewRecord:
    """Nothing that can be read at all."""
    return NewRecord(topic, key, (("x", b"y"),), b"noise", "noise")
