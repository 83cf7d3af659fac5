"""Everything that can happen at the forge: what people do, and what a client may write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock_platforms.forge.diffs import Change, Diffs
from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.git import Author, Files, GitFailed, GitRepository
from penstock_platforms.forge.hooks import Hooks
from penstock_platforms.forge.model import Comment, Pull, Repository, Review, ReviewComment, Status
from penstock_platforms.forge.render import Renderer
from penstock_platforms.forge.state import State


@dataclass(frozen=True, slots=True)
class Draft:
    """An inline comment as a client wants it."""

    path: str
    line: int
    body: str
    side: str = "RIGHT"
    start_line: int | None = None


@dataclass(slots=True)
class World:
    root: Path
    state: State
    hooks: Hooks
    render: Renderer
    diffs: Diffs
    now: Callable[[], datetime]
    slots: asyncio.Semaphore

    def git(self, repository: Repository) -> GitRepository:
        return GitRepository(self.root / "git" / f"{repository.id}.git", self.slots)

    def time(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def repository(self, name: str) -> Repository:
        found = self.state.repository(name)
        if found is None:
            raise Missing
        return found

    def pull(self, repository: Repository, number: int) -> Pull:
        found = self.state.pull(repository.id, number)
        if found is None:
            raise Missing
        return found

    def pulls(self, repository: Repository) -> list[Pull]:
        """By number, which is not the order in which concurrent ones were done."""
        return sorted(self.state.owned(Pull, (repository.id,)), key=lambda pull: pull.number)

    async def changes(self, repository: Repository, pull: Pull) -> tuple[Change, ...]:
        return await self.diffs.changes(self.git(repository), pull.base, pull.head)

    # --- what people do to repositories ---

    async def create_repository(
        self,
        name: str,
        files: Files,
        *,
        default_branch: str = "main",
        private: bool = False,
        permissions: Mapping[str, str] | None = None,
    ) -> Repository:
        if self.state.repository(name) is not None or name.count("/") != 1:
            raise Refused(422, "Repository creation failed.", [f"{name} exists already or is not owner/name"])
        granted = {name.partition("/")[0]: "admin", **dict.fromkeys(self.render.bots, "write"), **(permissions or {})}
        repository = Repository(self.state.next_id(), name, default_branch, private, granted)
        git = self.git(repository)
        git.create(default_branch)
        author = self._author(name.partition("/")[0])
        await git.commit([f"refs/heads/{default_branch}"], files, parent=None, message="Begin\n", author=author)
        return self.state.put(repository)

    def rename_repository(self, repository: Repository, name: str) -> Repository:
        return self.state.put(replace(repository, name=name))

    async def push_branch(
        self, repository: Repository, branch: str, files: Files, *, author: str = "alice", message: str = "Change\n"
    ) -> str:
        """A commit on top of a branch; a new branch begins at the default one."""
        git = self.git(repository)
        parent = await git.resolve(branch) or await git.resolve(repository.default_branch)
        return await git.commit(
            [f"refs/heads/{branch}"], files, parent=parent, message=message, author=self._author(author)
        )

    async def delete_branch(self, repository: Repository, branch: str) -> None:
        await self.git(repository).delete(f"refs/heads/{branch}")

    # --- what people do to pull requests ---

    async def open_pull_request(
        self,
        repository: Repository,
        *,
        title: str,
        files: Files,
        body: str = "",
        author: str = "alice",
        author_association: str = "MEMBER",
        head_ref: str = "",
        base_ref: str = "",
        draft: bool = False,
        fork: str = "",
    ) -> Pull:
        """One commit with `files` on a branch of its own, in the repository `fork` where named."""
        number = self.state.next_number(repository.id)
        head_ref = head_ref or f"change-{number}"
        base_ref = base_ref or repository.default_branch
        git = self.git(repository)
        base = await self._tip(repository, base_ref)
        refs = [f"refs/pull/{number}/head", *([] if fork else [f"refs/heads/{head_ref}"])]
        head = await git.commit(refs, files, parent=base, message=f"{title}\n", author=self._author(author))
        pull = self._new_pull(
            repository,
            number=number,
            title=title,
            body=body,
            author=author,
            author_association=author_association,
            head_ref=head_ref,
            base_ref=base_ref,
            head=head,
            base=base,
            draft=draft,
            fork=fork,
        )
        return self._announced(repository, pull, "opened")

    async def request_pull(
        self, repository: Repository, *, title: str, body: str, author: str, head_ref: str, base_ref: str, draft: bool
    ) -> Pull:
        """A pull request for a branch that was pushed before, as a client asks for it."""
        base, head = await self._tip(repository, base_ref), await self._tip(repository, head_ref)
        same = (each for each in self.pulls(repository) if each.state == "open" and not each.fork)
        if any((each.head_ref, each.base_ref) == (head_ref, base_ref) for each in same):
            raise Refused(422, "Validation Failed", [f"A pull request already exists for {author}:{head_ref}."])
        if base == head:
            raise Refused(422, "Validation Failed", [f"No commits between {base_ref} and {head_ref}"])
        number = self.state.next_number(repository.id)
        await self.git(repository).point(head, f"refs/pull/{number}/head")
        pull = self._new_pull(
            repository,
            number=number,
            title=title,
            body=body,
            author=author,
            author_association="MEMBER",
            head_ref=head_ref,
            base_ref=base_ref,
            head=head,
            base=base,
            draft=draft,
            fork="",
        )
        return self._announced(repository, pull, "opened")

    async def push(self, repository: Repository, pull: Pull, files: Files, *, message: str = "More\n") -> Pull:
        """A new commit on top of the head."""
        return await self._commit_head(repository, pull, files, parent=pull.head, message=message)

    async def force_push(self, repository: Repository, pull: Pull, files: Files) -> Pull:
        """The change written anew on the target branch's tip: the old head is no ancestor."""
        base = await self._tip(repository, pull.base_ref)
        return await self._commit_head(repository, pull, files, parent=base, message=f"{pull.title}\n")

    async def move_head(self, repository: Repository, pull: Pull, commit: str) -> Pull:
        """The head set to a commit the repository already has, such as an earlier head."""
        await self.git(repository).point(commit, *_refs(pull))
        return await self.head_moved(repository, pull, commit)

    async def head_moved(self, repository: Repository, pull: Pull, head: str) -> Pull:
        """Git has the new head already; now the pull request has it as well."""
        before = pull.head
        base = await self._tip(repository, pull.base_ref)
        pull = self._changed(pull, head=head, base=base)
        return self._announced(repository, pull, "synchronize", before=before, after=head)

    async def branches_pushed(self, repository: Repository) -> None:
        """After a `git push`: the pull requests whose branch moved get the new head."""
        git = self.git(repository)
        for pull in self.pulls(repository):
            head = await git.resolve(pull.head_ref) if pull.state == "open" and not pull.fork else None
            if head is not None and head != pull.head:
                await self.move_head(repository, pull, head)

    def close(self, repository: Repository, pull: Pull) -> Pull:
        return self._announced(repository, self._changed(pull, state="closed"), "closed")

    def reopen(self, repository: Repository, pull: Pull) -> Pull:
        if pull.merged:
            raise Refused(422, "Validation Failed", ["a merged pull request stays closed"])
        return self._announced(repository, self._changed(pull, state="open"), "reopened")

    def mark_ready(self, repository: Repository, pull: Pull) -> Pull:
        return self._announced(repository, self._changed(pull, draft=False), "ready_for_review")

    def edit(self, repository: Repository, pull: Pull, *, title: str, body: str) -> Pull:
        before = {"title": {"from": pull.title}, "body": {"from": pull.body}}
        return self._announced(repository, self._changed(pull, title=title, body=body), "edited", changes=before)

    async def retarget(self, repository: Repository, pull: Pull, base_ref: str) -> Pull:
        before = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base}}}
        pull = self._changed(pull, base_ref=base_ref, base=await self._tip(repository, base_ref))
        return self._announced(repository, pull, "edited", changes=before)

    async def merge(self, repository: Repository, pull: Pull, *, by: str = "alice") -> Pull:
        git = self.git(repository)
        base = await self._tip(repository, pull.base_ref)
        message = f"Merge pull request #{pull.number}: {pull.title}"
        try:
            merged = await git.merge(base, pull.head, message=message, author=self._author(by))
        except GitFailed:
            raise Refused(405, "Pull Request is not mergeable") from None
        await git.point(merged, f"refs/heads/{pull.base_ref}")
        return self._announced(repository, self._changed(pull, state="closed", merged=True), "closed")

    # --- what is said ---

    def comment(self, repository: Repository, pull: Pull, *, author: str, body: str) -> Comment:
        when = self.time()
        comment = Comment(self.state.next_id(), repository.id, pull.number, author, body, when, when)
        self.state.put(comment)
        self._emit_comment(repository, pull, comment, "created")
        return comment

    def edit_comment(self, repository: Repository, comment: Comment, body: str) -> Comment:
        comment = self.state.put(replace(comment, body=body, updated_at=self.time()))
        self._emit_comment(repository, self.pull(repository, comment.number), comment, "edited")
        return comment

    def delete_comment(self, repository: Repository, comment: Comment) -> None:
        self.state.drop(comment)
        self._emit_comment(repository, self.pull(repository, comment.number), comment, "deleted")

    def review(
        self,
        repository: Repository,
        pull: Pull,
        *,
        author: str,
        body: str,
        commit: str,
        state: str,
        drafts: Iterable[Draft],
    ) -> Review:
        """A submitted review with its comments. Whoever calls has made sure that every place is in the diff."""
        when = self.time()
        review = Review(self.state.next_id(), repository.id, pull.number, author, body, commit, state, when)
        self.state.put(review)
        for draft in drafts:
            self.review_comment(repository, pull, review, draft)
        payload = {"review": {**self.render.review(review), "state": state.lower()}}
        self._emit(repository, pull, "pull_request_review", action="submitted", sender=author, more=payload)
        return review

    def review_comment(self, repository: Repository, pull: Pull, review: Review, draft: Draft) -> ReviewComment:
        comment = ReviewComment(
            id=self.state.next_id(),
            repository_id=repository.id,
            number=pull.number,
            review_id=review.id,
            author=review.author,
            body=draft.body,
            path=draft.path,
            line=draft.line,
            start_line=draft.start_line,
            side=draft.side,
            commit=review.commit,
            created_at=self.time(),
        )
        self.state.put(comment)
        payload = {"comment": self.render.review_comment(comment, pull, current=True)}
        self._emit(
            repository, pull, "pull_request_review_comment", action="created", sender=review.author, more=payload
        )
        return comment

    def set_status(
        self,
        repository: Repository,
        *,
        commit: str,
        author: str,
        state: str,
        context: str,
        description: str,
        target_url: str,
    ) -> Status:
        return self.state.put(
            Status(
                id=self.state.next_id(),
                repository_id=repository.id,
                commit=commit,
                author=author,
                state=state,
                context=context,
                description=description,
                target_url=target_url,
                created_at=self.time(),
            )
        )

    # --- inside ---

    def _author(self, name: str) -> Author:
        return Author(name, int(self.now().timestamp()))

    async def _tip(self, repository: Repository, branch: str) -> str:
        found = await self.git(repository).resolve(branch)
        if found is None:
            raise Refused(422, "Validation Failed", [f"{branch} is no branch"])
        return found

    async def _commit_head(
        self, repository: Repository, pull: Pull, files: Files, *, parent: str, message: str
    ) -> Pull:
        git, author = self.git(repository), self._author(pull.author)
        head = await git.commit(_refs(pull), files, parent=parent, message=message, author=author)
        return await self.head_moved(repository, pull, head)

    def _new_pull(self, repository: Repository, **fields: Any) -> Pull:
        when = self.time()
        return self.state.put(
            Pull(id=self.state.next_id(), repository_id=repository.id, created_at=when, updated_at=when, **fields)
        )

    def _changed(self, pull: Pull, **fields: Any) -> Pull:
        latest = self.state.get(Pull, pull.id) or pull
        return self.state.put(replace(latest, updated_at=self.time(), **fields))

    def _announced(self, repository: Repository, pull: Pull, action: str, **more: Any) -> Pull:
        self._emit(repository, pull, "pull_request", action=action, sender=pull.author, more=more)
        return pull

    def _emit(
        self, repository: Repository, pull: Pull, event: str, *, action: str, sender: str, more: Mapping[str, Any]
    ) -> None:
        payload = {
            "action": action,
            "number": pull.number,
            "pull_request": self.render.pull(repository, pull),
            "repository": self.render.repository(repository),
            "sender": self.render.user(sender),
            **more,
        }
        self.hooks.emit(event, payload)

    def _emit_comment(self, repository: Repository, pull: Pull, comment: Comment, action: str) -> None:
        payload = {
            "action": action,
            "issue": self.render.issue(repository, pull),
            "comment": self.render.comment(repository, comment),
            "repository": self.render.repository(repository),
            "sender": self.render.user(comment.author),
        }
        self.hooks.emit("issue_comment", payload)


def _refs(pull: Pull) -> list[str]:
    return [f"refs/pull/{pull.number}/head", *([] if pull.fork else [f"refs/heads/{pull.head_ref}"])]
