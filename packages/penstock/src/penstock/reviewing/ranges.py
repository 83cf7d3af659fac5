"""Which change is reviewed: what people ask for on the command line becomes two ends that git knows."""

from dataclasses import dataclass
from enum import StrEnum

from penstock_sources.environment import EMPTY_TREES
from penstock_sources.local import INDEX, WORKTREE, LocalRepository, Range

DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_EVERYTHING = EMPTY_TREES[40]


class Scope(StrEnum):
    """What is reviewed where no range is written. BRANCH: all that the default branch has not, committed or not."""

    BRANCH = "branch"
    UNCOMMITTED = "uncommitted"
    STAGED = "staged"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A range, in words that its user would recognise."""

    range: Range
    base: str
    head: str

    @property
    def shown(self) -> str:
        return f"{self.base} → {self.head}"


async def written(repository: LocalRepository, text: str) -> Chosen:
    """Raises InvalidRevision, CommitNotFound, InvalidRepository."""
    found = await repository.resolve(text)
    separator = "..." if "..." in text else ".."
    left, has_two, right = text.partition(separator)
    return Chosen(found, left or "HEAD", _words(right or "HEAD") if has_two else _words(found.head))


async def scoped(repository: LocalRepository, scope: Scope) -> Chosen:
    """Raises InvalidRepository where there is no working copy."""
    match scope:
        case Scope.UNCOMMITTED:
            return Chosen(await repository.resolve(WORKTREE), "HEAD", _words(WORKTREE))
        case Scope.STAGED:
            return Chosen(await repository.resolve(INDEX), "HEAD", _words(INDEX))
        case Scope.ALL:
            await repository.top()
            return Chosen(Range(_EVERYTHING, WORKTREE), "nothing", _words(WORKTREE))
        case Scope.BRANCH:
            return await _of_branch(repository)


async def _of_branch(repository: LocalRepository) -> Chosen:
    """Since the branch left the default branch; where there is none, what is not committed."""
    for name in await repository.known(*DEFAULT_BRANCHES):
        return Chosen(await repository.resolve(f"{name}...{WORKTREE}"), name, _words(WORKTREE))
    return await scoped(repository, Scope.UNCOMMITTED)


def _words(end: str) -> str:
    return {WORKTREE: "working copy", INDEX: "staged"}.get(end, end)
