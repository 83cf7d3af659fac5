"""Reading from and writing to GitHub: the Reader and Writer of one instance with one token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import AnswerUnreadable, MaybeSent, NotFound, RequestRefused
from penstock_platforms.github import decode, threads
from penstock_platforms.github.failures import review_refused
from penstock_platforms.github.transport import DEFAULT_URL, Answer, Connection, decode_json, utc_now
from penstock_platforms.limits import Limits
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
from penstock_runtime.metrics import Metrics

CAPABILITIES = Capabilities(
    batched_review=True,
    suggestions=True,
    edit_comments=True,
    delete_review_comments=True,
    resolve_threads=True,
    approve=True,
    request_changes=True,
    statuses=True,
    comment_limit=65_536,
)
_STATUS_DESCRIPTION_LIMIT = 140
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GitHub:
    """Implements `ports.Platform`."""

    connection: Connection
    instance: str
    platform: str = "github"

    @classmethod
    def connect(
        cls,
        token: str,
        *,
        url: str = DEFAULT_URL,
        instance: str = "github.com",
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> GitHub:
        """Opens a pool of connections of its own: one client per host and process, closed by `aclose`."""
        connection = Connection.open(url, token, limits=limits, metrics=metrics, transport=transport, now=now)
        return cls(connection, instance)

    async def aclose(self) -> None:
        await self.connection.aclose()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ---

    async def pull_request(self, ref: PullRequestRef) -> PullRequest:
        answer = await self.connection.read(_pull(ref))
        return decode.pull_request(decode_json(answer, dict), self.platform, self.instance)

    async def file(self, ref: PullRequestRef, path: str, commit: str) -> bytes | None:
        place = f"{_repository(ref)}/contents/{quote(path)}"
        try:
            answer = await self.connection.read(place, params={"ref": commit}, accept="application/vnd.github.raw+json")
        except NotFound:
            return None
        return answer.body

    async def changed_files(self, ref: PullRequestRef) -> tuple[ChangedFile, ...]:
        return await self._all(f"{_pull(ref)}/files", decode.changed_file)

    async def diff(self, ref: PullRequestRef, base: str, head: str) -> bytes:
        place = f"{_repository(ref)}/compare/{quote(base)}...{quote(head)}"
        return (await self.connection.read(place, accept="application/vnd.github.diff")).body

    async def permission(self, ref: PullRequestRef, user: str) -> Permission:
        place = f"{_repository(ref)}/collaborators/{quote(user, safe='')}/permission"
        try:
            answer = await self.connection.read(place)
        except NotFound:
            return Permission.NONE
        return decode.permission(decode_json(answer, dict))

    async def open_pull_requests(self, repository: RepositoryRef) -> AsyncIterator[PullRequest]:
        place = f"{_repository(repository)}/pulls"
        # The oldest first: one that is opened or closed meanwhile moves none that was not seen yet off a page.
        query = {"state": "open", "sort": "created", "direction": "asc"}
        async for page in self.connection.pages(place, params=query):
            for each in page:
                yield decode.pull_request(each, self.platform, self.instance)

    # --- writing, and reading back ---

    async def account(self) -> str:
        return decode.text(decode_json(await self.connection.read("user"), dict), "login")

    async def comments(self, ref: PullRequestRef) -> tuple[Comment, ...]:
        return await self._all(f"{_issue(ref)}/comments", decode.comment)

    async def create_comment(self, ref: PullRequestRef, body: str) -> Comment:
        answer = await self.connection.write("POST", f"{_issue(ref)}/comments", {"body": body})
        return _written(answer, decode.comment)

    async def update_comment(self, ref: PullRequestRef, comment_id: str, body: str) -> Comment:
        place = f"{_repository(ref)}/issues/comments/{quote(comment_id, safe='')}"
        return _written(await self.connection.write("PATCH", place, {"body": body}), decode.comment)

    async def delete_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        place = f"{_repository(ref)}/issues/comments/{quote(comment_id, safe='')}"
        await self._delete(place)

    async def reviews(self, ref: PullRequestRef) -> tuple[Review, ...]:
        return await self._all(f"{_pull(ref)}/reviews", decode.review)

    async def review_comments(self, ref: PullRequestRef) -> tuple[ReviewComment, ...]:
        return await self._all(f"{_pull(ref)}/comments", decode.review_comment)

    async def submit_review(
        self,
        ref: PullRequestRef,
        *,
        commit: str,
        body: str,
        comments: tuple[InlineComment, ...] = (),
        verdict: Verdict = Verdict.COMMENT,
    ) -> str:
        payload = {
            "commit_id": commit,
            "body": body,
            "event": verdict.value,
            "comments": [_inline(each) for each in comments],
        }
        try:
            answer = await self.connection.write("POST", f"{_pull(ref)}/reviews", payload)
        except RequestRefused as error:
            raise review_refused(error) from None
        return _written(answer, lambda told: decode.text(told, "id"))

    async def delete_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        await self._delete(f"{_repository(ref)}/pulls/comments/{quote(comment_id, safe='')}")

    async def resolve_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        await threads.resolve(self.connection, ref, comment_id)

    async def set_status(
        self, ref: PullRequestRef, commit: str, *, state: StatusState, context: str, description: str, url: str = ""
    ) -> None:
        payload = {
            "state": state.value,
            "context": context,
            "description": _shortened(description),
            **({"target_url": url} if url else {}),
        }
        await self.connection.write("POST", f"{_repository(ref)}/statuses/{quote(commit)}", payload)

    async def statuses(self, ref: PullRequestRef, commit: str) -> tuple[Status, ...]:
        return await self._all(f"{_repository(ref)}/commits/{quote(commit)}/statuses", decode.status)

    async def _all(self, place: str, each: Callable[[Any], T]) -> tuple[T, ...]:
        found: list[T] = []
        async for page in self.connection.pages(place):
            found.extend(each(source) for source in page)
        return tuple(found)

    async def _delete(self, place: str) -> None:
        try:
            await self.connection.write("DELETE", place)
        except NotFound:
            return  # gone is what was wanted


def _written(answer: Answer, each: Callable[[Any], T]) -> T:
    """What a write answered. It was carried out, so an answer that cannot be read makes it MaybeSent."""
    try:
        return each(decode_json(answer, dict))
    except AnswerUnreadable as error:
        raise MaybeSent(error.detail, status=answer.status) from None


def _repository(ref: PullRequestRef | RepositoryRef) -> str:
    """By its id, where GitHub itself sends whoever asks by an old name: a name may have become another repository's."""
    return f"repositories/{quote(ref.repository_id, safe='')}"


def _pull(ref: PullRequestRef) -> str:
    return f"{_repository(ref)}/pulls/{ref.number}"


def _issue(ref: PullRequestRef) -> str:
    return f"{_repository(ref)}/issues/{ref.number}"


def _inline(comment: InlineComment) -> Mapping[str, Any]:
    payload: dict[str, Any] = {
        "path": comment.path,
        "line": comment.line,
        "side": comment.side.value,
        "body": comment.body,
    }
    # GitHub refuses a range of one line.
    if comment.start_line is not None and comment.start_line != comment.line:
        payload |= {"start_line": comment.start_line, "start_side": comment.side.value}
    return payload


def _shortened(description: str) -> str:
    """GitHub refuses longer ones instead of cutting them."""
    if len(description) <= _STATUS_DESCRIPTION_LIMIT:
        return description
    return description[: _STATUS_DESCRIPTION_LIMIT - 1] + "…"


connect = GitHub.connect
"""What the registry looks for in every platform's client."""
