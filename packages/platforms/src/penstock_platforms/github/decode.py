"""From GitHub's JSON to our own forms. A missing or wrong field is AnswerUnreadable, never a KeyError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import AnswerUnreadable
from penstock_platforms.fields import clean
from penstock_platforms.ports import (
    ChangedFile,
    Comment,
    FileStatus,
    Permission,
    PullRequest,
    PullRequestState,
    Review,
    ReviewComment,
    Side,
    Status,
    StatusState,
    Verdict,
)

_VERDICTS = {"APPROVED": Verdict.APPROVE, "CHANGES_REQUESTED": Verdict.REQUEST_CHANGES}
_FILE_STATUSES = {"added": FileStatus.ADDED, "removed": FileStatus.REMOVED, "renamed": FileStatus.RENAMED}
_STATES = {each.value: each for each in StatusState}
_PERMISSIONS = {"read": Permission.READ, "write": Permission.WRITE, "admin": Permission.ADMIN}


def text(source: Any, *path: str) -> str:
    """The text at a path of keys; numbers become text, null becomes nothing."""
    value = source
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            raise AnswerUnreadable(f"no {'.'.join(path)}")
        value = value[key]
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise AnswerUnreadable(f"{'.'.join(path)} is no text")
    return str(value)


def number(source: Any, key: str) -> int:
    value = source.get(key) if isinstance(source, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise AnswerUnreadable(f"{key} is no number")
    return value


def login(source: Any, key: str = "user") -> str:
    """Who did it. GitHub says null for people who deleted their account."""
    person = source.get(key) if isinstance(source, Mapping) else None
    return "ghost" if person is None else text(person, "login")


def pull_request(source: Any, platform: str, instance: str) -> PullRequest:
    base_repository = text(source, "base", "repo", "id")
    head_repository = source["head"].get("repo") if isinstance(source.get("head"), Mapping) else None
    ref = PullRequestRef(
        platform=platform,
        instance=instance,
        repository_id=base_repository,
        repository=text(source, "base", "repo", "full_name"),
        number=number(source, "number"),
    )
    return PullRequest(
        ref=ref,
        head=text(source, "head", "sha"),
        base=text(source, "base", "sha"),
        head_ref=text(source, "head", "ref"),
        base_ref=text(source, "base", "ref"),
        title=clean(text(source, "title")),
        description=text(source, "body"),
        author=login(source),
        author_association=text(source, "author_association"),
        state=_state(source),
        draft=source.get("draft") is True,
        is_fork=head_repository is None or text(head_repository, "id") != base_repository,
        clone_url=text(source, "base", "repo", "clone_url"),
        web_url=text(source, "html_url"),
        default_branch=text(source, "base", "repo", "default_branch"),
    )


def _state(source: Mapping[str, Any]) -> PullRequestState:
    # `merged` is absent from lists, `merged_at` is in both.
    if source.get("merged") is True or source.get("merged_at") is not None:
        return PullRequestState.MERGED
    return PullRequestState.OPEN if source.get("state") == "open" else PullRequestState.CLOSED


def changed_file(source: Any) -> ChangedFile:
    patch = source.get("patch") if isinstance(source, Mapping) else None
    previous = source.get("previous_filename") if isinstance(source, Mapping) else None
    return ChangedFile(
        path=text(source, "filename"),
        previous_path=previous if isinstance(previous, str) else None,
        status=_FILE_STATUSES.get(text(source, "status"), FileStatus.MODIFIED),
        additions=number(source, "additions"),
        deletions=number(source, "deletions"),
        patch=patch if isinstance(patch, str) else None,
    )


def comment(source: Any) -> Comment:
    return Comment(
        comment_id=text(source, "id"),
        author=login(source),
        body=text(source, "body"),
        created_at=text(source, "created_at"),
    )


def review(source: Any) -> Review:
    return Review(
        review_id=text(source, "id"),
        author=login(source),
        body=text(source, "body"),
        commit=text(source, "commit_id"),
        verdict=_VERDICTS.get(text(source, "state"), Verdict.COMMENT),
        submitted_at=str(source.get("submitted_at") or ""),
    )


def review_comment(source: Any) -> ReviewComment:
    line = source.get("line") if isinstance(source, Mapping) else None
    side = source.get("side") if isinstance(source, Mapping) else None
    return ReviewComment(
        comment_id=text(source, "id"),
        review_id=text(source, "pull_request_review_id") or None,
        author=login(source),
        body=text(source, "body"),
        path=text(source, "path"),
        line=line if isinstance(line, int) else None,
        side=Side.LEFT if side == "LEFT" else Side.RIGHT,
        commit=text(source, "commit_id"),
        created_at=text(source, "created_at"),
    )


def status(source: Any) -> Status:
    return Status(
        context=text(source, "context"),
        state=_STATES.get(text(source, "state"), StatusState.ERROR),
        description=text(source, "description"),
        url=text(source, "target_url"),
        created_at=text(source, "created_at"),
    )


def permission(source: Any) -> Permission:
    # `permission` folds maintain into write and triage into read, so it is enough.
    return _PERMISSIONS.get(text(source, "permission"), Permission.NONE)
