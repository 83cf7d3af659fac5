"""PURE: the request for a part, made from what the run knows at the moment it is asked; the same for every attempt."""

from penstock_contracts.enums import CommentsKind, Stage
from penstock_contracts.facts import (
    AstRequested,
    CommentsRequested,
    Fact,
    FilesReviewRequested,
    PrepareRequested,
    PrReviewRequested,
    PullRequestRef,
    ReviewPart,
)
from penstock_orchestrator.state import HEAVY, Part, PartState, Run, StreamState

_GOOD = frozenset({"ok", "skipped"})
_LOOKED = frozenset({"ok", "partial"})


def request_of(state: StreamState, run: Run, stage: Stage, part: str, reference: PullRequestRef) -> Fact:
    change = (reference, run.head, run.base, run.config_blob, run.change_blob, run.manifest_blob)
    match stage:
        case Stage.PREPARE:
            return _prepare(state, run, reference)
        case Stage.AST:
            return AstRequested(*change)
        case Stage.PR_REVIEW:
            return PrReviewRequested(*change)
        case Stage.FILES_REVIEW:
            return _batch(run, part, reference)
        case Stage.COMMENTS:
            return _comments(run, CommentsKind(part), reference)


def is_partial(run: Run) -> bool:
    """A review without its analysis is whole while somebody else looked; one without a batch or without the look at
    the whole is not."""
    reviews = [*run.of_stage(Stage.PR_REVIEW), *run.of_stage(Stage.FILES_REVIEW)]
    analysis_lost = any(part.state is PartState.GIVEN_UP for part in run.of_stage(Stage.AST))
    nobody_looked = analysis_lost and not any(part.outcome in _LOOKED for part in reviews)
    return nobody_looked or any(part.state is PartState.GIVEN_UP or part.outcome not in _GOOD for part in reviews)


def _prepare(state: StreamState, run: Run, reference: PullRequestRef) -> PrepareRequested:
    last = state.reviewed[-1] if state.reviewed else None
    return PrepareRequested(
        pull_request=reference,
        kind=run.kind,
        hint_head=run.hint_head,
        command=run.command,
        command_argument=run.command_argument,
        sender=run.sender,
        full=run.full,
        reviewed_head=last.head if last else "",
        reviewed_base=last.base if last else "",
        missed_blob=last.missed_blob if last else "",
    )


def _batch(run: Run, part: str, reference: PullRequestRef) -> FilesReviewRequested:
    analysis = run.part(Stage.AST)
    batch = next(batch for batch in run.manifest if str(batch.index) == part)
    return FilesReviewRequested(
        reference, run.head, run.base, run.config_blob, batch, ast_blob=analysis.blob if analysis else ""
    )


def _comments(run: Run, kind: CommentsKind, reference: PullRequestRef) -> CommentsRequested:
    if kind is not CommentsKind.REVIEW:
        head = run.unread_head or run.head
        return CommentsRequested(reference, kind, head, run.base, config_blob=run.config_blob, reason=run.reason)
    return CommentsRequested(
        pull_request=reference,
        kind=kind,
        head=run.head,
        base=run.base,
        config_blob=run.config_blob,
        change_blob=run.change_blob,
        manifest_blob=run.manifest_blob,
        parts=tuple(_review_part(part) for stage in HEAVY for part in run.of_stage(stage)),
        partial=is_partial(run),
    )


def _review_part(part: Part) -> ReviewPart:
    outcome = part.outcome if part.state is PartState.DONE else str(part.state)
    return ReviewPart(part.stage, part.part, outcome, part.blob, part.reason)
