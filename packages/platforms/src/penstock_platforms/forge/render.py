"""The forge's records in GitHub's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock_platforms.forge.diffs import Change
from penstock_platforms.forge.model import Comment, Pull, Repository, Review, ReviewComment, Status

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Renderer:
    """`web` is where people and Git find the forge, `api` its REST interface."""

    web: str
    bots: frozenset[str]

    @property
    def api(self) -> str:
        return f"{self.web}/api/v3"

    def user(self, login: str) -> Json:
        return {
            "login": login,
            "id": sum(login.encode()) + 1,
            "type": "Bot" if login in self.bots or login.endswith("[bot]") else "User",
            "html_url": f"{self.web}/{login}",
        }

    def repository(self, repository: Repository) -> Json:
        owner, _, name = repository.name.partition("/")
        return {
            "id": repository.id,
            "name": name,
            "full_name": repository.name,
            "private": repository.private,
            "owner": self.user(owner),
            "html_url": f"{self.web}/{repository.name}",
            "clone_url": f"{self.web}/{repository.name}.git",
            "url": f"{self.api}/repos/{repository.name}",
            "default_branch": repository.default_branch,
        }

    def pull(self, repository: Repository, pull: Pull) -> Json:
        base = self.repository(repository)
        head = base if not pull.fork else {**base, "id": repository.id + 500_000_000, "full_name": pull.fork}
        return {
            "id": pull.id,
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "body": pull.body,
            "user": self.user(pull.author),
            "author_association": pull.author_association,
            "draft": pull.draft,
            "merged": pull.merged,
            "merged_at": pull.updated_at if pull.merged else None,
            "created_at": pull.created_at,
            "updated_at": pull.updated_at,
            "html_url": f"{self.web}/{repository.name}/pull/{pull.number}",
            "url": f"{self.api}/repos/{repository.name}/pulls/{pull.number}",
            "head": {"ref": pull.head_ref, "sha": pull.head, "repo": head, "label": f"{pull.author}:{pull.head_ref}"},
            "base": {"ref": pull.base_ref, "sha": pull.base, "repo": base, "label": pull.base_ref},
        }

    def issue(self, repository: Repository, pull: Pull) -> Json:
        whole = self.pull(repository, pull)
        kept = ("id", "number", "state", "title", "body", "user", "author_association", "draft", "html_url")
        return {**{key: whole[key] for key in kept}, "pull_request": {"url": whole["url"]}}

    def comment(self, repository: Repository, comment: Comment) -> Json:
        return {
            "id": comment.id,
            "user": self.user(comment.author),
            "author_association": _association(repository, comment.author),
            "body": comment.body,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
        }

    def review(self, review: Review) -> Json:
        return {
            "id": review.id,
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "commit_id": review.commit,
            "submitted_at": review.submitted_at,
        }

    def review_comment(self, comment: ReviewComment, pull: Pull, *, current: bool) -> Json:
        """`current` says whether the line is still part of the diff; GitHub forgets the line of what is outdated."""
        return {
            "id": comment.id,
            "pull_request_review_id": comment.review_id,
            "user": self.user(comment.author),
            "body": comment.body,
            "path": comment.path,
            "line": comment.line if current else None,
            "start_line": comment.start_line if current else None,
            "original_line": comment.line,
            "side": comment.side,
            "commit_id": pull.head if current else comment.commit,
            "original_commit_id": comment.commit,
            "created_at": comment.created_at,
            "updated_at": comment.created_at,
        }

    def status(self, status: Status) -> Json:
        return {
            "id": status.id,
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.target_url or None,
            "creator": self.user(status.author),
            "created_at": status.created_at,
            "updated_at": status.created_at,
        }

    def file(self, change: Change) -> Mapping[str, Any]:
        told: Json = {
            "filename": change.path,
            "status": change.status,
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
        }
        if change.previous_path:
            told["previous_filename"] = change.previous_path
        if change.patch is not None:
            told["patch"] = change.patch
        return told


def _association(repository: Repository, login: str) -> str:
    if login == repository.name.partition("/")[0]:
        return "OWNER"
    return "COLLABORATOR" if repository.permissions.get(login) in ("write", "admin") else "NONE"
