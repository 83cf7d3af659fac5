"""What a request wants to write, told for the ledger before anything is handled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_platforms.forge.ledger import Write
from penstock_platforms.forge.model import Comment, Pull, Repository, ReviewComment
from penstock_platforms.forge.world import World

_MARKER = re.compile(r"<!-- penstock:[^>]*?-->")
_API = re.compile(r"/api/v3/(?:repos/(?P<name>[^/]+/[^/]+)|repositories/(?P<id>\d+))(?P<rest>/.*)?$")
_KINDS: tuple[tuple[str, str, str], ...] = (
    ("POST", r"/pulls/(?P<number>\d+)/reviews", "review.submitted"),
    ("DELETE", r"/pulls/(?P<number>\d+)/reviews/\d+", "review.deleted"),
    ("DELETE", r"/pulls/comments/(?P<inline>\d+)", "review_comment.deleted"),
    ("POST", r"/issues/(?P<number>\d+)/comments", "comment.created"),
    ("PATCH", r"/issues/comments/(?P<comment>\d+)", "comment.edited"),
    ("DELETE", r"/issues/comments/(?P<comment>\d+)", "comment.deleted"),
    ("POST", r"/statuses/(?P<commit>\w+)", "status.set"),
    ("POST", r"/pulls", "pull_request.opened"),
    ("PATCH", r"/pulls/(?P<number>\d+)", "pull_request.edited"),
    ("POST", r"/hooks/1/deliveries/\d+/attempts", "delivery.attempted"),
)


@dataclass(frozen=True, slots=True)
class Teller:
    world: World
    accounts: Mapping[str, str]

    def tell(self, method: str, path: str, authorization: str, body: bytes) -> Write | None:
        """None for what is no write."""
        account = self.accounts.get(authorization.partition(" ")[2], "")
        if method == "POST" and path.endswith("/git-receive-pack"):
            name = path.strip("/").removesuffix(".git/git-receive-pack")
            return Write(method, path, "branch.pushed", account, repository=name)
        told = _json(body)
        if path == "/api/graphql":
            if "mutation" not in str(told.get("query", "")):
                return None
            return Write(method, path, "thread.resolved", account)
        found = _API.match(path)
        if method in ("GET", "HEAD") or found is None:
            return None
        return self._rest(method, path, account, (self._repository(found), found["rest"] or "", told))

    def _rest(
        self, method: str, path: str, account: str, what: tuple[Repository | None, str, Mapping[str, Any]]
    ) -> Write:
        repository, rest, told = what
        kind, place = _kind(method, rest)
        pull = self._pull(repository, place)
        head = str(told.get("commit_id") or place.get("commit") or (pull.head if pull else ""))
        return Write(
            method=method,
            path=path,
            kind=kind,
            account=account,
            repository=repository.name if repository else "",
            pull_request=pull.number if pull else 0,
            head=head,
            detail=_detail(told),
            markers=tuple(_MARKER.findall(_bodies(told))),
        )

    def _repository(self, found: re.Match[str]) -> Repository | None:
        state = self.world.state
        if found["id"] is not None:
            return state.get(Repository, int(found["id"]))
        return state.repository(found["name"]) or state.renamed(found["name"])

    def _pull(self, repository: Repository | None, place: Mapping[str, str | None]) -> Pull | None:
        state, number, commit = self.world.state, place.get("number"), place.get("commit")
        if repository is None or not place:
            return None
        if commit is not None:
            return next((each for each in state.owned(Pull, (repository.id,)) if each.head == commit), None)
        if number is not None:
            return state.pull(repository.id, int(number))
        comment = state.get(Comment, int(place.get("comment") or 0))
        inline = state.get(ReviewComment, int(place.get("inline") or 0))
        found = comment or inline
        return state.pull(repository.id, found.number) if found else None


def _kind(method: str, rest: str) -> tuple[str, Mapping[str, str | None]]:
    for verb, form, kind in _KINDS:
        place = re.fullmatch(form, rest)
        if verb == method and place is not None:
            return kind, place.groupdict()
    return "other", {}


def _detail(told: Mapping[str, Any]) -> str:
    """The verdict of a review, the context and state of a status."""
    if "event" in told:
        return str(told["event"])
    return f"{told['context']}={told['state']}" if "context" in told and "state" in told else ""


def _bodies(told: Mapping[str, Any]) -> str:
    inline = told.get("comments")
    comments = [each.get("body") for each in inline if isinstance(each, dict)] if isinstance(inline, list) else []
    return "\n".join(str(body) for body in (told.get("body"), *comments) if body)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
