"""The flow table: every topic, what travels on it, who says it, who hears it.

Topic creation, KafkaTopic resources, schemas/ and docs/flow.md are generated from this table.
"""

from dataclasses import dataclass
from enum import StrEnum

from penstock_contracts.enums import HandlerType, Stage, WorkflowType
from penstock_contracts.facts import (
    ANSWERS,
    CONTROLS,
    INNER,
    REQUESTS,
    Answer,
    AstCompleted,
    AstRequested,
    CommentsPublished,
    CommentsRequested,
    ConfigResolved,
    DeadLettered,
    Fact,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrepareRequested,
    PrReceived,
    PrReviewCompleted,
    PrReviewRequested,
)


class Key(StrEnum):
    """What decides the partition of a record."""

    STREAM = "stream"
    RUN = "run"
    SPREAD = "spread"
    ORIGINAL = "as the original"


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    types: tuple[type[Fact], ...]
    key: Key
    said_by: tuple[str, ...]
    heard_by: tuple[str, ...]
    partitions: int = 12
    retention_hours: int = 7 * 24


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage is a pair of facts."""

    stage: Stage
    request: type[Fact]
    answer: type[Answer]
    service: str
    handler_type: HandlerType
    workflow_type: WorkflowType | None


STAGES: dict[Stage, StageRow] = {
    row.stage: row
    for row in (
        StageRow(Stage.PREPARE, PrepareRequested, ConfigResolved, "prepare", HandlerType.LIGHT, None),
        StageRow(Stage.AST, AstRequested, AstCompleted, "ast", HandlerType.HEAVY, WorkflowType.AST_ANALYSIS),
        StageRow(
            Stage.PR_REVIEW,
            PrReviewRequested,
            PrReviewCompleted,
            "llm-review",
            HandlerType.HEAVY,
            WorkflowType.PR_LEVEL_REVIEW,
        ),
        StageRow(
            Stage.FILES_REVIEW,
            FilesReviewRequested,
            FilesReviewCompleted,
            "llm-review",
            HandlerType.HEAVY,
            WorkflowType.FILES_REVIEW,
        ),
        StageRow(Stage.COMMENTS, CommentsRequested, CommentsPublished, "commenter", HandlerType.CLOSING, None),
    )
}

ORCHESTRATOR = ("orchestrator",)
ANYONE = ("view", "ast", "console", "anyone")

TOPICS: tuple[Topic, ...] = (
    Topic("pr.received", (PrReceived,), Key.STREAM, ("ingest", "prepare"), ORCHESTRATOR),
    Topic("prepare.requested", (PrepareRequested,), Key.STREAM, ORCHESTRATOR, ("prepare",)),
    Topic("config.resolved", (ConfigResolved,), Key.STREAM, ("prepare",), ORCHESTRATOR),
    Topic("ast.requested", (AstRequested,), Key.RUN, ORCHESTRATOR, ("ast",)),
    Topic("ast.completed", (AstCompleted,), Key.STREAM, ("ast",), ORCHESTRATOR),
    Topic("pr.review.requested", (PrReviewRequested,), Key.RUN, ORCHESTRATOR, ("llm-review",)),
    Topic("pr.review.completed", (PrReviewCompleted,), Key.STREAM, ("llm-review",), ORCHESTRATOR),
    Topic("files.review.requested", (FilesReviewRequested,), Key.SPREAD, ORCHESTRATOR, ("llm-review",), 24),
    Topic("files.review.completed", (FilesReviewCompleted,), Key.STREAM, ("llm-review",), ORCHESTRATOR),
    Topic("comments.requested", (CommentsRequested,), Key.STREAM, ORCHESTRATOR, ("commenter",)),
    Topic("comments.published", (CommentsPublished,), Key.STREAM, ("commenter",), ORCHESTRATOR),
    Topic("workflow.control", CONTROLS, Key.STREAM, ("console",), ORCHESTRATOR),
    Topic(
        "workflow.events",
        (PrReceived, *CONTROLS, *REQUESTS, *ANSWERS, *INNER),
        Key.STREAM,
        ORCHESTRATOR,
        ANYONE,
        retention_hours=30 * 24,
    ),
    Topic("penstock.dlq", (DeadLettered,), Key.ORIGINAL, ("every loop",), ("console",), 1, 30 * 24),
)

EVENTS_TOPIC = "workflow.events"
DLQ_TOPIC = "penstock.dlq"
TOPIC_BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
TOPIC_OF_TYPE: dict[str, Topic] = {
    fact.TYPE: topic for topic in TOPICS if topic.name != EVENTS_TOPIC for fact in topic.types
}
STAGE_OF_REQUEST: dict[str, StageRow] = {row.request.TYPE: row for row in STAGES.values()}
STAGE_OF_ANSWER: dict[str, StageRow] = {row.answer.TYPE: row for row in STAGES.values()}


def topics_heard_by(service: str) -> tuple[Topic, ...]:
    return tuple(topic for topic in TOPICS if service in topic.heard_by and topic.name != EVENTS_TOPIC)
