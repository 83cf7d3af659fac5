"""The platform of a working copy: the range is its one pull request, and what is said on it is only kept."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import NotFound
from penstock_platforms.ports import (
    Capabilities,
    ChangedFile,
    Comment,
    InlineComment,
    Permission,
    PullRequest,
    RepositoryRef,
    Review,
    ReviewComment,
    Status,
    StatusState,
    Verdict,
)
from penstock_sources.ports import Repository, Sources

ACCOUNT = "penstock"
WORKING_COPY = PullRequestRef("local", "here", "1", "working copy", 1)
# It has no statuses: a status on a commit would be read by nobody.
_CAPABILITIES = Capabilities(
    batched_review=True,
    suggestions=True,
    edit_comments=True,
    delete_review_comments=True,
    resolve_threads=True,
    approve=True,
    request_changes=True,
    statuses=False,
    comment_limit=1_000_000,
)


@dataclass(slots=True)
class LocalPlatform:
    """Implements Platform, and the ports by which prepare and the commenter look one up."""

    sources: Sources
    pull: PullRequest
    _comments: list[Comment] = field(default_factory=list)
    _reviews: list[Review] = field(default_factory=list)
    _review_comments: list[ReviewComment] = field(default_factory=list)
    _given: int = 0

    def of(self, ref: PullRequestRef) -> "LocalPlatform":
        return self

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    # --- reading ------------------------------------------------------------------------------------------------

    async def pull_request(self, ref: PullRequestRef) -> PullRequest:
        return self.pull

    async def file(self, ref: PullRequestRef, path: str, commit: str) -> bytes | None:
        return await self.sources.text(_REPOSITORY, commit, path)

    async def changed_files(self, ref: PullRequestRef) -> tuple[ChangedFile, ...]:
        """No diff of its own: that of git is the only one there is."""
        return ()

    async def diff(self, ref: PullRequestRef, base: str, head: str) -> bytes:
        return (await self.sources.diff(_REPOSITORY, base, head)).encode("utf-8", errors="replace")

    async def permission(self, ref: PullRequestRef, user: str) -> Permission:
        """Whoever has the working copy may do anything with it."""
        return Permission.ADMIN

    async def open_pull_requests(self, repository: RepositoryRef) -> AsyncIterator[PullRequest]:
        yield self.pull

    # --- writing ------------------------------------------------------------------------------------------------

    async def account(self, ref: PullRequestRef | None = None) -> str:
        return ACCOUNT

    async def comments(self, ref: PullRequestRef) -> tuple[Comment, ...]:
        return tuple(self._comments)

    async def create_comment(self, ref: PullRequestRef, body: str) -> Comment:
        comment = Comment(self._next_id(), ACCOUNT, body, "")
        self._comments.append(comment)
        return comment

    async def update_comment(self, ref: PullRequestRef, comment_id: str, body: str) -> Comment:
        for index, known in enumerate(self._comments):
            if known.comment_id == comment_id:
                self._comments[index] = replace(known, body=body)
                return self._comments[index]
        raise NotFound(f"comment {comment_id}")

    async def delete_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        self._comments = [known for known in self._comments if known.comment_id != comment_id]

    async def reviews(self, ref: PullRequestRef) -> tuple[Review, ...]:
        return tuple(self._reviews)

    async def review_comments(self, ref: PullRequestRef) -> tuple[ReviewComment, ...]:
        return tuple(self._review_comments)

    async def submit_review(
        self,
        ref: PullRequestRef,
        *,
        commit: str,
        body: str,
        comments: tuple[InlineComment, ...] = (),
        verdict: Verdict = Verdict.COMMENT,
    ) -> str:
        review = Review(self._next_id(), ACCOUNT, body, commit, verdict, "")
        self._reviews.append(review)
        for said in comments:
            place = (said.body, said.path, said.line, said.side, commit, "")
            self._review_comments.append(ReviewComment(self._next_id(), review.review_id, ACCOUNT, *place))
        return review.review_id

    async def delete_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        self._review_comments = [known for known in self._review_comments if known.comment_id != comment_id]

    async def resolve_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        """There are no threads to resolve."""

    async def set_status(
        self, ref: PullRequestRef, commit: str, *, state: StatusState, context: str, description: str, url: str = ""
    ) -> None:
        """Nobody asks for it: there are no statuses here."""

    async def statuses(self, ref: PullRequestRef, commit: str) -> tuple[Status, ...]:
        return ()

    async def aclose(self) -> None:
        """No connection is held."""

    async def close(self) -> None:
        await self.aclose()

    def _next_id(self) -> str:
        self._given += 1
        return str(self._given)


_REPOSITORY = Repository("local", "")
