"""One realistic event of every type: a review of one pull request, and what can come between.

They are written to schemas/examples, and every consumer is tested with those it may hear.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from penstock_contracts.enums import (
    AnswerOutcome,
    CommentsKind,
    ControlAction,
    ErrorClassification,
    PullRequestKind,
    RepairAction,
    RunOutcome,
    Stage,
)
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    AnswerIgnored,
    AstCompleted,
    AstRequested,
    AttemptScheduled,
    Batch,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    DeadLettered,
    EpochGrown,
    Fact,
    FilesReviewCompleted,
    FilesReviewRequested,
    HeadAdopted,
    PrepareRequested,
    PrReceived,
    PrReviewCompleted,
    PrReviewRequested,
    PullRequestRef,
    RepairRequested,
    ReviewPart,
    StageGivenUp,
    StageReleased,
    StageSkipped,
    StageTime,
    StallCleared,
    TimerFired,
    Unwanted,
    Usage,
    WorkflowCancelled,
    WorkflowControl,
    WorkflowFailed,
    WorkflowFinished,
    WorkflowOpened,
    WorkflowPaused,
    WorkflowResumed,
    WorkflowSkipped,
    WorkflowStalled,
    WorkflowSuperseded,
)
from penstock_contracts.flow import STAGE_OF_ANSWER, STAGE_OF_REQUEST
from penstock_contracts.ids import (
    answer_id,
    delivery_event_id,
    deterministic_id,
    inner_id,
    request_id,
    run_id,
    stream_of,
    subject_of,
)

PULL_REQUEST = PullRequestRef("github", "github.com", "604112875", "harbour-works/tide-tables", 482)
STREAM = stream_of(PULL_REQUEST)
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
CAUSE = delivery_event_id(PULL_REQUEST.instance, DELIVERY)
RUN = run_id(STREAM, CAUSE)
HEAD = "9b2c1f6a4de07735c8e1f0ab62d4793e5a0c88d1"
NEXT_HEAD = "e41d0a7730bb9c5f28d6134ac97ef2051b6d8c43"
BASE = "30fd5c8e1b974a26d7e0935fb148ca6270de91f4"
START = datetime(2026, 3, 17, 9, 41, 7, 250_000, tzinfo=UTC)
DEADLINE = START + timedelta(hours=2)
_ORCHESTRATOR = "penstock/orchestrator"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True, slots=True)
class _Said:
    """A fact, who said it, how many seconds after the start, and for which part of which attempt."""

    fact: Fact
    source: str
    seconds: float
    part: str = ""
    attempt: int = 1


def examples() -> tuple[Event[Fact], ...]:
    said = (*_from_outside(), *_stages(), *_turns(), *_interventions(), *_ends(), *_troubles())
    return tuple(_event(one, sequence) for sequence, one in enumerate(said, 1))


def _from_outside() -> tuple[_Said, ...]:
    received = PrReceived(
        kind=PullRequestKind.OPENED,
        platform=PULL_REQUEST.platform,
        instance=PULL_REQUEST.instance,
        repository_id=PULL_REQUEST.repository_id,
        repository=PULL_REQUEST.repository,
        number=PULL_REQUEST.number,
        delivery_id=DELIVERY,
        hint_head=HEAD,
        hint_base_ref="main",
        title="Höhere Auflösung für Gezeiten in der Elbmündung",
        author="mareike",
        sender="mareike",
        author_association="MEMBER",
    )
    control = WorkflowControl(ControlAction.RETRY, RUN, "console:oncall", "the model is back", Stage.PR_REVIEW)
    return (_Said(received, "penstock/ingest", 0), _Said(control, "penstock/console", 95))


def _stages() -> tuple[_Said, ...]:
    return (*_preparation(), *_analysis(), *_reviews(), *_comments())


def _preparation() -> tuple[_Said, ...]:
    resolved = ConfigResolved(
        started_at=START + timedelta(seconds=0.31),
        duration=1.87,
        head=HEAD,
        base=BASE,
        base_ref="main",
        title="Höhere Auflösung für Gezeiten in der Elbmündung",
        author="mareike",
        config_blob=_blob("config"),
        change_blob=_blob("change"),
        manifest=(Batch(0, 8, _blob("batch 0")), Batch(1, 3, _blob("batch 1"))),
        manifest_hash=_blob("manifest hash"),
        manifest_blob=_blob("manifest"),
        unwanted=(Unwanted(Stage.AST, "no supported language in the change"),),
        announce=True,
        stages=(
            StageTime("ValidateNewCommits", START + timedelta(seconds=0.31), 0.28),
            StageTime("ResolveConfig", START + timedelta(seconds=0.59), 0.41),
            StageTime("FetchChangedFiles", START + timedelta(seconds=1.0), 1.18),
        ),
    )
    return (
        _Said(PrepareRequested(PULL_REQUEST, PullRequestKind.OPENED, HEAD, sender="mareike"), _ORCHESTRATOR, 0.1),
        _Said(resolved, "penstock/prepare", 2.2),
    )


def _analysis() -> tuple[_Said, ...]:
    asked = AstRequested(PULL_REQUEST, HEAD, BASE, _blob("config"), _blob("change"), _blob("manifest"))
    answered = AstCompleted(
        started_at=START + timedelta(seconds=2.6), duration=3.4, blob=_blob("graph"), symbols=214, findings=2, files=11
    )
    return (_Said(asked, _ORCHESTRATOR, 2.3), _Said(answered, "penstock/ast", 6.0))


def _reviews() -> tuple[_Said, ...]:
    usage = Usage("qwen2.5-coder:32b", calls=2, input_tokens=18_402, output_tokens=1_377, cost=0.0759)
    whole = PrReviewRequested(PULL_REQUEST, HEAD, BASE, _blob("config"), _blob("change"), _blob("manifest"))
    reviewed = PrReviewCompleted(
        started_at=START + timedelta(seconds=2.7), duration=21.5, blob=_blob("whole"), findings=1, usage=usage
    )
    batch = FilesReviewRequested(
        PULL_REQUEST, HEAD, BASE, _blob("config"), Batch(1, 3, _blob("batch 1")), _blob("graph")
    )
    limited = FilesReviewCompleted(
        outcome=AnswerOutcome.FAILED,
        error_class=ErrorClassification.RATE_LIMITED,
        error="429 Too Many Requests",
        retry_after=20.0,
        started_at=START + timedelta(seconds=6.3),
        duration=0.9,
    )
    return (
        _Said(whole, _ORCHESTRATOR, 2.3),
        _Said(reviewed, "penstock/llm-review", 24.2),
        _Said(batch, _ORCHESTRATOR, 6.1, "1"),
        _Said(limited, "penstock/llm-review", 7.2, "1"),
    )


def _comments() -> tuple[_Said, ...]:
    asked = CommentsRequested(
        PULL_REQUEST,
        CommentsKind.REVIEW,
        HEAD,
        BASE,
        _blob("config"),
        _blob("change"),
        _blob("manifest"),
        (
            ReviewPart(Stage.AST, "", "ok", _blob("graph")),
            ReviewPart(Stage.PR_REVIEW, "", "ok", _blob("whole")),
            ReviewPart(Stage.FILES_REVIEW, "0", "ok", _blob("files 0")),
            ReviewPart(Stage.FILES_REVIEW, "1", "given_up", reason="rate limited for an hour"),
        ),
        partial=True,
        reason="1 of 2 batches was not reviewed",
    )
    published = CommentsPublished(
        outcome=AnswerOutcome.PARTIAL,
        reason="1 of 2 batches was not reviewed",
        started_at=START + timedelta(seconds=41.0),
        duration=2.6,
        head=HEAD,
        base=BASE,
        review_id="2871930456",
        comments=4,
        silenced=1,
        verdict="comment",
        url="https://github.com/harbour-works/tide-tables/pull/482#pullrequestreview-2871930456",
        missed_blob=_blob("missed"),
        stages=(StageTime("AggregateResults", START + timedelta(seconds=41.1), 0.2),),
    )
    return (
        _Said(asked, _ORCHESTRATOR, 40.8, CommentsKind.REVIEW),
        _Said(published, "penstock/commenter", 43.7, CommentsKind.REVIEW),
    )


def _turns() -> tuple[_Said, ...]:
    opened = WorkflowOpened(RUN, CAUSE, PullRequestKind.OPENED, PULL_REQUEST, HEAD, DEADLINE, sender="mareike")
    scheduled = AttemptScheduled(
        RUN, Stage.FILES_REVIEW, "1", 2, START + timedelta(seconds=27.2), "429 Too Many Requests", maximum=4
    )
    limited = "4 of 4 attempts were rate limited"
    given_up = StageGivenUp(RUN, Stage.FILES_REVIEW, "1", 4, ErrorClassification.RATE_LIMITED, limited, maximum=4)
    return _concluded(
        2.25,
        opened,
        HeadAdopted(RUN, 1, HEAD, BASE),
        scheduled,
        EpochGrown(2, "pull request is closed"),
        StageSkipped(RUN, Stage.AST, "no supported language in the change"),
        StageReleased(RUN, Stage.FILES_REVIEW, "the analysis did not answer within 10 s"),
        given_up,
    )


def _interventions() -> tuple[_Said, ...]:
    return _concluded(
        60.5,
        WorkflowPaused(RUN, "console:oncall", "the model provider is down"),
        WorkflowResumed(RUN, "console:oncall", "the model is back"),
        AnswerIgnored(RUN, answer_id(RUN, Stage.FILES_REVIEW, "1", 1), "files.review.completed", "an older attempt"),
    )


def _ends() -> tuple[_Said, ...]:
    missed = "1 of 2 batches was not reviewed"
    return _concluded(
        44.0,
        WorkflowSuperseded(RUN, f"head moved to {NEXT_HEAD}"),
        WorkflowCancelled(RUN, "mareike", "asked for in a comment"),
        WorkflowSkipped(RUN, "automatic review is off"),
        WorkflowFailed(RUN, ErrorClassification.PERMANENT, "the repository is gone"),
        WorkflowFinished(RUN, RunOutcome.PARTIAL, missed, ErrorClassification.RATE_LIMITED, START),
    )


def _troubles() -> tuple[_Said, ...]:
    answer = answer_id(RUN, Stage.AST, "", 1)
    stalled = WorkflowStalled(
        RUN, Stage.AST, answer, "ast.completed", "DiskFull: no space left on device", "free space, then redrive it"
    )
    letter = DeadLettered(
        dead_letter_id=deterministic_id("dead letter", "orchestrator", answer),
        consumer="orchestrator",
        topic="ast.completed",
        partition=9,
        position=184_213,
        reason="stalled",
        error="DiskFull: no space left on device",
    )
    fired = TimerFired(
        deterministic_id("timer", RUN, "retry", "1", "2", "1"), "retry", RUN, Stage.FILES_REVIEW, "1", 2, 1
    )
    repair = RepairRequested(
        RepairAction.REDRIVE, "oncall", "the disk is larger now", letter.dead_letter_id, answer, AstCompleted.TYPE
    )
    aside = (
        _Said(fired, "penstock/store", 27.2),
        _Said(letter, "penstock/store", 6.4),
        _Said(repair, "penstock/console", 912.0),
    )
    return (*_concluded(6.4, stalled, StallCleared(answer)), *aside)


def _concluded(seconds: float, *facts: Fact) -> tuple[_Said, ...]:
    return tuple(_Said(fact, _ORCHESTRATOR, seconds) for fact in facts)


def _event(said: _Said, sequence: int) -> Event[Fact]:
    asked, answered = STAGE_OF_REQUEST.get(said.fact.TYPE), STAGE_OF_ANSWER.get(said.fact.TYPE)
    row = asked or answered
    stored = said.source == _ORCHESTRATOR
    first = isinstance(said.fact, PrReceived)
    envelope = Envelope(
        id=_id(said, sequence),
        type=said.fact.TYPE,
        source=said.source,
        time=START + timedelta(seconds=said.seconds),
        stream=STREAM,
        subject=subject_of(PULL_REQUEST),
        workflow_id="" if first else RUN,
        epoch=0 if first else 1,
        stage=row.stage if row else "",
        part=said.part,
        attempt=said.attempt if row else 0,
        causation_id="" if first else CAUSE,
        correlation_id=CAUSE,
        not_after=START + timedelta(hours=1) if asked else None,
        sequence=sequence if stored else 0,  # what others say gets its number when it is stored
        traceparent=TRACEPARENT,
    )
    return Event(envelope, said.fact)


def _id(said: _Said, sequence: int) -> str:
    if isinstance(said.fact, PrReceived):
        return CAUSE
    if row := STAGE_OF_REQUEST.get(said.fact.TYPE):
        return request_id(RUN, row.stage, said.part, said.attempt)
    if row := STAGE_OF_ANSWER.get(said.fact.TYPE):
        return answer_id(RUN, row.stage, said.part, said.attempt)
    return inner_id(CAUSE, sequence)


def _blob(what: str) -> str:
    """Blobs are named by the SHA-256 of what they hold."""
    return sha256(what.encode()).hexdigest()
