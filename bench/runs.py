"""What the orchestrator hears of a run, from its webhook to its end, as the real decide asks for it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from penstock_contracts.enums import PullRequestKind, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    AstCompleted,
    Batch,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    Fact,
    FilesReviewCompleted,
    PrReceived,
    PrReviewCompleted,
    StageTime,
    Usage,
)
from penstock_contracts.flow import STAGE_OF_REQUEST
from penstock_contracts.ids import delivery_event_id, stream_of, subject_of
from penstock_eventlog.answers import Handling, answer
from penstock_orchestrator.fold import OrchestratorFold
from penstock_store.rows import Delivered, RawRecord

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
PATIENT = 3_600.0
"""Seconds that files wait for the analysis here: however long a preparation takes, no timer of it fires meanwhile."""
_FILES = 10
_HANDLING = Handling("penstock/bench", BEGAN, 1.5)
_LIGHT = ("resolve_head", "load_configuration", "fetch_changed_files", "file_context_gate")
_TIMES = tuple(StageTime(name, BEGAN, 0.25) for name in _LIGHT)
_USAGE = Usage("a-model", 1, 2_000, 300, 0.01)
_ANSWERS: dict[Stage, Answer] = {
    Stage.AST: AstCompleted(blob="e" * 64, symbols=120, files=50),
    Stage.PR_REVIEW: PrReviewCompleted(blob="f" * 64, findings=1, usage=_USAGE),
    Stage.FILES_REVIEW: FilesReviewCompleted(blob="0" * 64, findings=3, usage=_USAGE),
}


def webhook(label: str, number: int) -> Event[Fact]:
    """A pull request is opened that nobody has seen before."""
    repository = f"{label}-{number % 500}"
    fact = PrReceived(
        kind=PullRequestKind.OPENED,
        platform="github",
        instance="github.com",
        repository_id=repository,
        repository=f"acme/{repository}",
        number=number,
        delivery_id=f"{label}/{number}",
        hint_head="a" * 40,
        title="A change",
        author="ada",
        sender="ada",
    )
    identity = delivery_event_id(fact.instance, fact.delivery_id)
    return Event(
        Envelope(
            identity, fact.TYPE, "penstock/ingest", BEGAN, stream_of(fact), subject_of(fact), correlation_id=identity
        ),
        fact,
    )


def answered(asked: Event[Fact], batches: int) -> Event[Fact]:
    """What a stage says that has done its work; prepare finds so many batches of files."""
    return answer(asked.envelope, [_good(asked, batches)], _HANDLING)


def delivered(event: Event[Fact]) -> Delivered:
    return Delivered(event, RawRecord(event.envelope.type, 0, 0, event.envelope.stream.encode(), (), None))


def waves(fold: OrchestratorFold, received: Event[Fact], batches: int) -> Sequence[Sequence[Event[Fact]]]:
    """All that is heard of a run whose stages do their work: each wave answers what the one before led to."""
    state = fold.initial(received.envelope.stream)
    found: list[list[Event[Fact]]] = []
    wave = [received]
    while wave:
        found.append(wave)
        said: list[Event[Fact]] = []
        for event in wave:
            facts = fold.decide(state, event, BEGAN)
            for fact in facts:
                state = fold.evolve(state, fact)
            said += facts
        wave = [answered(fact, batches) for fact in said if fact.envelope.type in STAGE_OF_REQUEST]
    return found


def _good(asked: Event[Fact], batches: int) -> Fact:
    stage = STAGE_OF_REQUEST[asked.envelope.type].stage
    if isinstance(asked.fact, CommentsRequested):
        told = asked.fact
        return CommentsPublished(kind=told.kind, head=told.head, base=told.base, review_id="1", comments=3)
    if stage is Stage.PREPARE:
        return ConfigResolved(
            head="a" * 40,
            base="b" * 40,
            base_ref="main",
            title="A change",
            author="ada",
            change_blob="d" * 64,
            config_blob="9" * 64,
            manifest=tuple(Batch(index, _FILES, f"{index:064x}") for index in range(batches)),
            manifest_hash="8" * 64,
            manifest_blob="7" * 64,
            ast_wait=PATIENT,
            stages=_TIMES,
        )
    return _ANSWERS[stage]
