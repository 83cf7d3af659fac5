"""The closed vocabularies of Penstock. Their values travel in facts, rows and answers, so they never change."""

from enum import StrEnum


class PullRequestKind(StrEnum):
    """What a platform said happened to a pull request. A hint: prepare reads the truth."""

    OPENED = "opened"
    UPDATED = "updated"
    REOPENED = "reopened"
    READY = "ready"
    CLOSED = "closed"
    MERGED = "merged"
    RETARGETED = "retargeted"
    COMMAND = "command"
    FEEDBACK = "feedback"


class Command(StrEnum):
    """What a person may ask for in a comment."""

    REVIEW = "review"
    FULL_REVIEW = "full review"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    IGNORE = "ignore"
    EXPLAIN = "explain"
    CONFIG_CHECK = "config check"
    HELP = "help"


class ControlAction(StrEnum):
    """What an operator may ask of a run through the API."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RE_REVIEW = "re_review"
    RETRY = "retry"


class RepairAction(StrEnum):
    """What an operator may ask of what is stuck: apply a dead letter again, put it aside, publish a stream again."""

    REDRIVE = "redrive"
    DISCARD = "discard"
    UNBLOCK = "unblock"


class Stage(StrEnum):
    """The work the orchestrator can ask for. Each is a pair of facts: a request and its answer."""

    PREPARE = "prepare"
    AST = "ast"
    PR_REVIEW = "pr_review"
    FILES_REVIEW = "files_review"
    COMMENTS = "comments"


class HandlerType(StrEnum):
    """How heavy the work of a stage is, hence where it runs."""

    LIGHT = "LIGHT"
    HEAVY = "HEAVY"
    CLOSING = "CLOSING"


class CommentsKind(StrEnum):
    """What the commenter is asked to say; all but pending and review are closings."""

    PENDING = "pending"
    REVIEW = "review"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


CLOSINGS = frozenset({CommentsKind.SKIPPED, CommentsKind.FAILED, CommentsKind.CANCELLED, CommentsKind.SUPERSEDED})


class AnswerOutcome(StrEnum):
    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class ErrorClassification(StrEnum):
    """Why work failed, which decides whether and when it is tried again."""

    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    PERMANENT = "permanent"
    POISON = "poison"
    UNKNOWN = "unknown"


class RunOutcome(StrEnum):
    REVIEWED = "reviewed"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobStatus(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    WAITING_FOR_EVENT = "WAITING_FOR_EVENT"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class WorkflowType(StrEnum):
    CODE_REVIEW = "CODE_REVIEW"
    AST_ANALYSIS = "AST_ANALYSIS"
    PR_LEVEL_REVIEW = "PR_LEVEL_REVIEW"
    FILES_REVIEW = "FILES_REVIEW"
    CODE_GENERATION = "CODE_GENERATION"


class ExecutionState(StrEnum):
    """The state of one attempt of one part, a row of job_execution_history."""

    ASKED = "asked"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    GIVEN_UP = "given_up"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a run or a stage was skipped, where the engine itself has to know."""

    SAME_HEAD = "same head"
    HEAD_MOVED = "head_moved"
    AUTOMATIC_OFF = "automatic review is off"
    CLOSED = "pull request is closed"
    DRAFT = "draft"
    NO_MODEL = "no model"
