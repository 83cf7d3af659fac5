"""The working copy as the services see it: narrowed to the paths asked for, and comparable with nothing at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock_changes.paths import PathFilter
from penstock_prepare import change
from penstock_sources.environment import EMPTY_TREES
from penstock_sources.errors import CommitNotFound
from penstock_sources.local import LocalRepository
from penstock_sources.ports import Commit, Repository


@dataclass(frozen=True, slots=True)
class NarrowedSources:
    """Implements Sources. Files outside the filter are no part of the change."""

    repository: LocalRepository
    paths: PathFilter

    async def ensure(self, repository: Repository, *commits: str) -> None:
        await self.repository.ensure(repository, *(commit for commit in commits if not _is_nothing(commit)))

    async def diff(self, repository: Repository, base: str, head: str) -> str:
        whole = await self.repository.diff(repository, base, head)
        if self.paths == PathFilter():
            return whole
        texts = change.read(whole).texts
        return "".join(text for path, text in texts.items() if self.paths.allows(path))

    async def merge_base(self, repository: Repository, a: str, b: str) -> str | None:
        """Whatever comes after nothing left it at nothing."""
        return a if _is_nothing(a) else await self.repository.merge_base(repository, a, b)

    async def is_ancestor(self, repository: Repository, ancestor: str, descendant: str) -> bool:
        return _is_nothing(ancestor) or await self.repository.is_ancestor(repository, ancestor, descendant)

    async def text(self, repository: Repository, commit: str, path: str) -> bytes | None:
        return (await self.texts(repository, commit, (path,)))[path]

    async def texts(self, repository: Repository, commit: str, paths: Iterable[str]) -> Mapping[str, bytes | None]:
        if _is_nothing(commit):
            return dict.fromkeys(paths)
        return await self.repository.texts(repository, commit, paths)

    async def commits(self, repository: Repository, base: str, head: str, limit: int = 250) -> tuple[Commit, ...]:
        try:
            return await self.repository.commits(repository, base, head, limit)
        except CommitNotFound:
            if _is_nothing(base):  # and nothing was committed yet
                return ()
            raise


def _is_nothing(commit: str) -> bool:
    return commit in EMPTY_TREES.values()
