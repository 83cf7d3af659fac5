"""What the forge remembers. Every record has an id, and an owner under which it is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Owner = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    name: str
    """owner/name, which may change; the id does not."""
    default_branch: str
    private: bool = False
    permissions: Mapping[str, str] = field(default_factory=dict)
    """Login to read, write or admin; whoever is not named may read what is public."""

    @property
    def owner(self) -> Owner:
        return ()


@dataclass(frozen=True, slots=True)
class Pull:
    id: int
    repository_id: int
    number: int
    title: str
    body: str
    author: str
    author_association: str
    head_ref: str
    base_ref: str
    head: str
    base: str
    created_at: str
    updated_at: str
    fork: str = ""
    """owner/name of the repository the head comes from; empty for the same one."""
    state: str = "open"
    merged: bool = False
    draft: bool = False

    @property
    def owner(self) -> Owner:
        return (self.repository_id,)


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    repository_id: int
    number: int
    author: str
    body: str
    created_at: str
    updated_at: str

    @property
    def owner(self) -> Owner:
        return (self.repository_id, self.number)


@dataclass(frozen=True, slots=True)
class Review:
    id: int
    repository_id: int
    number: int
    author: str
    body: str
    commit: str
    state: str
    submitted_at: str

    @property
    def owner(self) -> Owner:
        return (self.repository_id, self.number)


@dataclass(frozen=True, slots=True)
class ReviewComment:
    id: int
    repository_id: int
    number: int
    review_id: int
    author: str
    body: str
    path: str
    line: int
    start_line: int | None
    side: str
    commit: str
    created_at: str
    resolved: bool = False

    @property
    def owner(self) -> Owner:
        return (self.repository_id, self.number)


@dataclass(frozen=True, slots=True)
class Status:
    id: int
    repository_id: int
    commit: str
    author: str
    state: str
    context: str
    description: str
    target_url: str
    created_at: str

    @property
    def owner(self) -> Owner:
        return (self.repository_id, self.commit)


Record = Repository | Pull | Comment | Review | ReviewComment | Status
KINDS: Mapping[str, type[Record]] = {
    kind.__name__: kind for kind in (Repository, Pull, Comment, Review, ReviewComment, Status)
}
