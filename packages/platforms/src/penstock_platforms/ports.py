"""What every Git platform can be asked, and what can be said on it.

A repository is the one with the id that is asked for: under a name that another one has taken nothing is read or said,
and one that is gone is `NotFound`.

Readers and writers raise nothing but `penstock_platforms.errors`. A write that raised `NotSent` has
not happened; one that raised `MaybeSent` may have, and is probed for before it is sent again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from penstock_contracts.facts import PullRequestRef


class PullRequestState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class Permission(StrEnum):
    NONE = "none"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Verdict(StrEnum):
    COMMENT = "COMMENT"
    APPROVE = "APPROVE"
    REQUEST_CHANGES = "REQUEST_CHANGES"


class Side(StrEnum):
    """Which text of the diff a line number counts in: LEFT is the base, RIGHT the head."""

    LEFT = "LEFT"
    RIGHT = "RIGHT"


class StatusState(StrEnum):
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


class FileStatus(StrEnum):
    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class RepositoryRef:
    """`repository_id` is the platform's own and stays; `repository` is owner/name and may be renamed."""

    platform: str
    instance: str
    repository_id: str
    repository: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One reading of a pull request. `base` is the target branch's commit, not the merge base."""

    ref: PullRequestRef
    head: str
    base: str
    head_ref: str
    base_ref: str
    title: str
    description: str
    author: str
    author_association: str
    state: PullRequestState
    draft: bool
    is_fork: bool
    clone_url: str
    web_url: str
    default_branch: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of the platform's own diff; `patch` is None where the platform leaves it out (binary, too big)."""

    path: str
    previous_path: str | None
    status: FileStatus
    additions: int
    deletions: int
    patch: str | None


@dataclass(frozen=True, slots=True)
class InlineComment:
    """A comment to be said on a line, or on `start_line`..`line`, of one side of the diff."""

    path: str
    line: int
    body: str
    side: Side = Side.RIGHT
    start_line: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment in the conversation of a pull request."""

    comment_id: str
    author: str
    body: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Review:
    review_id: str
    author: str
    body: str
    commit: str
    verdict: Verdict
    submitted_at: str


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """An inline comment as read back. `line` is None once the platform calls it outdated; some platforms
    give back another commit than the one submitted."""

    comment_id: str
    review_id: str | None
    author: str
    body: str
    path: str
    line: int | None
    side: Side
    commit: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Status:
    context: str
    state: StatusState
    description: str
    url: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform has; what it has not is left out or said in words by who plans the effects."""

    batched_review: bool
    suggestions: bool
    edit_comments: bool
    delete_review_comments: bool
    resolve_threads: bool
    approve: bool
    request_changes: bool
    statuses: bool
    comment_limit: int
    """The most characters a comment may have."""


class Reader(Protocol):
    """Reading needs a read-only credential. Every method may be repeated freely."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def pull_request(self, ref: PullRequestRef) -> PullRequest: ...

    async def file(self, ref: PullRequestRef, path: str, commit: str) -> bytes | None:
        """The bytes of a file at a commit; None where there is no such file."""
        ...

    async def changed_files(self, ref: PullRequestRef) -> tuple[ChangedFile, ...]: ...

    async def diff(self, ref: PullRequestRef, base: str, head: str) -> bytes:
        """The platform's own unified diff from the merge base of both to `head`."""
        ...

    async def permission(self, ref: PullRequestRef, user: str) -> Permission: ...

    def open_pull_requests(self, repository: RepositoryRef) -> AsyncIterator[PullRequest]: ...


class Writer(Protocol):
    """Writing, and reading back what was written. No method tries a write a second time."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def account(self) -> str:
        """The name our own comments carry; comments of anybody else never count as ours."""
        ...

    async def comments(self, ref: PullRequestRef) -> tuple[Comment, ...]: ...

    async def create_comment(self, ref: PullRequestRef, body: str) -> Comment: ...

    async def update_comment(self, ref: PullRequestRef, comment_id: str, body: str) -> Comment: ...

    async def delete_comment(self, ref: PullRequestRef, comment_id: str) -> None: ...

    async def reviews(self, ref: PullRequestRef) -> tuple[Review, ...]: ...

    async def review_comments(self, ref: PullRequestRef) -> tuple[ReviewComment, ...]: ...

    async def submit_review(
        self,
        ref: PullRequestRef,
        *,
        commit: str,
        body: str,
        comments: tuple[InlineComment, ...] = (),
        verdict: Verdict = Verdict.COMMENT,
    ) -> str:
        """Submits one review with all its comments and returns its id; it cannot be taken back.

        Raises `AnchorsRefused` when the platform refused the whole for the place of a comment.
        """
        ...

    async def delete_review_comment(self, ref: PullRequestRef, comment_id: str) -> None: ...

    async def resolve_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        """Marks the thread of an inline comment as resolved; doing it twice is the same as once."""
        ...

    async def set_status(
        self, ref: PullRequestRef, commit: str, *, state: StatusState, context: str, description: str, url: str = ""
    ) -> None: ...

    async def statuses(self, ref: PullRequestRef, commit: str) -> tuple[Status, ...]:
        """Every status ever set on the commit, the latest first."""
        ...


class Platform(Reader, Writer, Protocol):
    """A client that does both, with a pool of connections to give back."""

    async def aclose(self) -> None: ...
