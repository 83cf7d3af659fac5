"""What the rest of the system may ask of a repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Credential:
    """Read-only access over HTTP; the secret never shows in a repr."""

    username: str
    secret: str = field(repr=False)


class Credentials(Protocol):
    """Hands out the credential of one repository. Asked before every transfer, since tokens expire."""

    async def current(self) -> Credential | None:
        """None where the repository is public. May raise a SourceError; must not block the loop."""
        ...


@dataclass(frozen=True, slots=True)
class FixedCredential:
    """The same credential for as long as the process lives."""

    credential: Credential | None

    async def current(self) -> Credential | None:
        return self.credential


@dataclass(frozen=True, slots=True)
class Repository:
    """`key` names the repository for good: platform instance and the platform's own id, never owner and name.

    `clone_url` may change under the same key. It carries no password: that is the credential's place.
    """

    key: str
    clone_url: str
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    id: str
    parents: tuple[str, ...]
    author: str
    title: str


class Sources(Protocol):
    """Repositories, read only. Commits are full hexadecimal ids; everything may raise a SourceError.

    Every reading brings the commits that it names when they are not here yet, so `ensure` is only for doing it early.
    Nothing blocks the loop; a cancelled call leaves no process behind. Calls may run at the same time.
    """

    async def ensure(self, repository: Repository, *commits: str) -> None:
        """Brings the commits with their history. Raises CommitNotFound when the repository has one of them not."""
        ...

    async def diff(self, repository: Repository, base: str, head: str) -> str:
        """git's own unified diff of `base...head`: what head changed since it left base.

        Three lines of context, renames found, binary files only named, prefixes a/ and b/.
        Bytes that are no UTF-8 come as U+FFFD.
        """
        ...

    async def merge_base(self, repository: Repository, a: str, b: str) -> str | None:
        """The best common ancestor; None for histories that share nothing."""
        ...

    async def is_ancestor(self, repository: Repository, ancestor: str, descendant: str) -> bool:
        """A commit is its own ancestor."""
        ...

    async def text(self, repository: Repository, commit: str, path: str) -> bytes | None:
        """What `texts` says of one path."""
        ...

    async def texts(self, repository: Repository, commit: str, paths: Iterable[str]) -> Mapping[str, bytes | None]:
        """The content of each path at the commit; of a symbolic link the path it points to.

        None for what is no file there (a folder, a submodule, nothing) or is larger than one file may be.
        """
        ...

    async def commits(self, repository: Repository, base: str, head: str, limit: int = 250) -> tuple[Commit, ...]:
        """The commits of head that base has not, newest first, at most `limit`."""
        ...
