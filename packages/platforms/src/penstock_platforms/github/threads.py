"""Resolving review threads, which GitHub's REST interface does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import AnswerUnreadable, NotFound, RequestRefused
from penstock_platforms.github.transport import Connection, decode_json

_PAGE = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved comments(first: 1) { nodes { databaseId } } }
      }
    }
  }
}
"""
_RESOLVE = """
mutation($thread: ID!) { resolveReviewThread(input: {threadId: $thread}) { thread { id isResolved } } }
"""


async def resolve(connection: Connection, ref: PullRequestRef, comment_id: str) -> None:
    """Resolves the thread that begins with the comment; a thread that is gone or resolved is left alone. GraphQL finds
    repositories by name only: should it be another's by now, none of its threads begins with this comment."""
    thread = await _thread(connection, ref, comment_id)
    if thread is not None and thread.get("isResolved") is not True:
        await _ask(connection, _RESOLVE, {"thread": thread.get("id")})


async def _thread(connection: Connection, ref: PullRequestRef, comment_id: str) -> Mapping[str, Any] | None:
    owner, _, name = ref.repository.partition("/")
    after: str | None = None
    for _ in range(connection.limits.pages):
        told = await _ask(connection, _PAGE, {"owner": owner, "name": name, "number": ref.number, "after": after})
        try:
            threads = told["repository"]["pullRequest"]["reviewThreads"]
            for thread in threads["nodes"]:
                if any(str(first["databaseId"]) == comment_id for first in thread["comments"]["nodes"]):
                    return dict(thread)
            if not threads["pageInfo"]["hasNextPage"]:
                return None
            after = threads["pageInfo"]["endCursor"]
        except (KeyError, TypeError):
            raise AnswerUnreadable("not the threads that were asked for") from None
    raise AnswerUnreadable(f"more than {connection.limits.pages} pages of threads")


async def _ask(connection: Connection, query: str, variables: Mapping[str, Any]) -> Any:
    """GraphQL answers 200 to what it refuses. Both calls may be repeated, so the write that HTTP sees is none."""
    answer = await connection.write("POST", connection.graphql, {"query": query, "variables": dict(variables)})
    told = decode_json(answer, dict)
    errors = told.get("errors")
    if errors:
        missing = any(isinstance(each, Mapping) and each.get("type") == "NOT_FOUND" for each in errors)
        raise (NotFound if missing else RequestRefused)("GraphQL refused the question", status=answer.status)
    return told.get("data")
