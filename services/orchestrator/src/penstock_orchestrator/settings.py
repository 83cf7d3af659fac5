"""What the orchestrator reads from its environment, beside what every worker reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from penstock_contracts.enums import Stage
from penstock_orchestrator.rules import Limits, Rules
from penstock_runtime import parsers
from penstock_runtime.retry import CONSERVATIVE, HEAVY_TASK, RetryPolicy
from penstock_runtime.settings import setting

OUTLASTS_A_PLATFORM = replace(CONSERVATIVE, cap=300.0, attempts=16)
"""About 55 minutes: a platform that is away for less costs no review."""
AS_LONG_AS_IT_IS_WORTH = replace(HEAVY_TASK, attempts=8)
"""About ten minutes, since a review without one of its parts is better than one that comes much later."""


@dataclass(frozen=True, slots=True)
class OrchestratorSettings:
    window: int = setting(
        "PENSTOCK_BATCH_WINDOW", parsers.whole(1, 300), 16, about="batches of one review that are out at once"
    )
    part_deadline: float = setting(
        "PENSTOCK_PART_DEADLINE", parsers.duration("10s"), 3600.0, about="how long one answer is waited for"
    )
    run_deadline: float = setting(
        "PENSTOCK_RUN_DEADLINE",
        parsers.duration("10s"),
        7200.0,
        about="after this a review goes without what is missing",
    )
    reread_after: float = setting(
        "PENSTOCK_REREAD_AFTER", parsers.duration("1s"), 5.0, about="when a platform that lags is read again"
    )
    organisation_limit: int = setting(
        "PENSTOCK_LIMIT_ORGANISATION",
        parsers.whole(0, 100_000),
        0,
        about="reviews of one organisation under way at once; 0: as many as come",
    )
    repository_limit: int = setting(
        "PENSTOCK_LIMIT_REPOSITORY",
        parsers.whole(0, 100_000),
        0,
        about="reviews of one repository under way at once; 0: as many as come",
    )
    debounce: float = setting(
        "PENSTOCK_DEBOUNCE",
        parsers.duration("0"),
        5.0,
        about="what comes sooner after a reading of the pull request waits until then, and is read once",
    )
    retry_prepare: RetryPolicy = setting(
        "PENSTOCK_RETRY_PREPARE", parsers.retry_policy, OUTLASTS_A_PLATFORM, about="how prepare is tried again"
    )
    retry_analysis: RetryPolicy = setting(
        "PENSTOCK_RETRY_AST", parsers.retry_policy, AS_LONG_AS_IT_IS_WORTH, about="how the analysis is tried again"
    )
    retry_model: RetryPolicy = setting(
        "PENSTOCK_RETRY_MODEL", parsers.retry_policy, AS_LONG_AS_IT_IS_WORTH, about="how model reviews are tried again"
    )
    retry_comments: RetryPolicy = setting(
        "PENSTOCK_RETRY_COMMENTS",
        parsers.retry_policy,
        OUTLASTS_A_PLATFORM,
        about="how what is to be said is tried again",
    )

    def limits(self) -> Limits:
        return Limits(self.organisation_limit, self.repository_limit)

    def rules(self) -> Rules:
        schedules: Mapping[Stage, RetryPolicy] = {
            Stage.PREPARE: self.retry_prepare,
            Stage.AST: self.retry_analysis,
            Stage.PR_REVIEW: self.retry_model,
            Stage.FILES_REVIEW: self.retry_model,
            Stage.COMMENTS: self.retry_comments,
        }
        return Rules(
            schedules=schedules,
            window=self.window,
            part_deadline=timedelta(seconds=self.part_deadline),
            run_deadline=timedelta(seconds=self.run_deadline),
            reread_after=timedelta(seconds=self.reread_after),
            debounce=timedelta(seconds=self.debounce),
            in_turn=self.limits().any,
        )


@dataclass(frozen=True, slots=True)
class KeepingSettings:
    """How long what is kept, in days: of a pull request its facts, jobs and effects; of the machinery the rest."""

    streams: float = setting(
        "PENSTOCK_KEEP_STREAMS",
        parsers.number(1, 36_500),
        365.0,
        about="days after the last event until a pull request is forgotten",
    )
    messages: float = setting(
        "PENSTOCK_KEEP_MESSAGES", parsers.number(0.01, 3650), 7.0, about="days that sent outbox rows are kept"
    )
    letters: float = setting(
        "PENSTOCK_KEEP_LETTERS",
        parsers.number(1, 3650),
        30.0,
        about="days in which a dead letter may be sent again, and that a resolved one is kept",
    )
    blobs: float = setting(
        "PENSTOCK_KEEP_BLOBS",
        parsers.number(8, 3650),
        30.0,
        about="days after their last use that diffs and texts are kept",
    )
    every: float = setting(
        "PENSTOCK_HOUSEKEEPING_EVERY", parsers.duration("10s"), 600.0, about="pause between two rounds of housekeeping"
    )
