"""Sources from one working copy, with what is not committed yet."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from penstock_sources.environment import EMPTY_TREES, local_environment
from penstock_sources.errors import CommitNotFound, GitFailed, InvalidRepository, InvalidRevision
from penstock_sources.git import CorruptRepository, Git
from penstock_sources.limits import Limits
from penstock_sources.ports import Commit, Repository
from penstock_sources.reader import GitReader, is_inside
from penstock_sources.revisions import checked_name

Result = TypeVar("Result")
_ALTERNATES = "GIT_ALTERNATE_OBJECT_DIRECTORIES"

WORKTREE = "WORKTREE"
"""The files as they lie on disk, with those that git does not know yet and does not ignore."""

INDEX = "INDEX"
"""What is staged: what the next commit would contain."""


@dataclass(frozen=True, slots=True)
class Range:
    """`base` is a commit id, before the first commit that of the empty tree; `head` a commit id, WORKTREE or INDEX."""

    base: str
    head: str


class LocalRepository:
    """The repository is the one that `path` lies in, whatever `Repository` says. Any name of a commit will do."""

    def __init__(self, path: Path, limits: Limits | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._path = path.absolute()
        self._limits = limits or Limits()
        self._environment = local_environment(os.environ if environment is None else environment)
        self._top: Path | None = None

    async def resolve(self, written: str = "") -> Range:
        """`main...HEAD` and `main..HEAD` both mean what HEAD changed since it left main; an empty side is HEAD.

        One name means from there to the working copy; WORKTREE, INDEX, and nothing at all, mean what is not committed.
        """
        separator = "..." if "..." in written else ".."
        left, found, right = written.partition(separator)
        if not found:
            left, right = ("HEAD", written) if written in (WORKTREE, INDEX) else (written, WORKTREE)
        names = [left or "HEAD", right or "HEAD"]
        if names[0] in (WORKTREE, INDEX):
            raise InvalidRevision(f"{names[0]} cannot be compared with something later")
        ids = await self._resolved([name for name in names if name not in (WORKTREE, INDEX)])
        if names[0] == "HEAD" and ids["HEAD"] is None and names[1] in (WORKTREE, INDEX):
            return Range(EMPTY_TREES[40], names[1])
        return Range(*(name if name in (WORKTREE, INDEX) else _known(name, ids) for name in names))

    async def known(self, *names: str) -> tuple[str, ...]:
        """Those of the names that stand for a commit here, in their order, by one process."""
        ids = await self._resolved(list(names))
        return tuple(name for name in names if ids[name] is not None)

    async def top(self) -> Path:
        """The folder that the working copy begins at."""
        if self._top is None:
            git = Git(self._path, self._environment, self._limits.read_seconds)
            try:
                completed = await git.run("rev-parse", "--show-toplevel")
            except (CorruptRepository, GitFailed) as error:
                raise InvalidRepository(f"{self._path} lies in no working copy") from error
            self._top = Path(os.fsdecode(completed.output.removesuffix(b"\n")))
        return self._top

    async def ensure(self, repository: Repository, *commits: str) -> None:
        await self._require(list(commits))

    async def diff(self, repository: Repository, base: str, head: str) -> str:
        checked_name(base)
        checked_name(head)
        return await self._read((base, head), lambda reader: self._diff(reader, base, head))

    async def _diff(self, reader: GitReader, base: str, head: str) -> str:
        since = (base,) if base in EMPTY_TREES.values() else ("--merge-base", base)
        if head == INDEX:
            return await reader.diff_of("--cached", *since)
        if head == WORKTREE:
            return await self._diff_of_worktree(reader, since)
        return await (reader.diff_of(base, head) if base in EMPTY_TREES.values() else reader.diff(base, head))

    async def merge_base(self, repository: Repository, a: str, b: str) -> str | None:
        left, right = _committed(a), _committed(b)
        return await self._read((left, right), lambda reader: reader.merge_base(left, right))

    async def is_ancestor(self, repository: Repository, ancestor: str, descendant: str) -> bool:
        earlier, later = _committed(ancestor), _committed(descendant)
        return await self._read((earlier, later), lambda reader: reader.is_ancestor(earlier, later))

    async def text(self, repository: Repository, commit: str, path: str) -> bytes | None:
        return (await self.texts(repository, commit, (path,)))[path]

    async def texts(self, repository: Repository, commit: str, paths: Iterable[str]) -> Mapping[str, bytes | None]:
        if commit == WORKTREE:
            return await asyncio.to_thread(_from_disk, await self.top(), tuple(paths), self._limits.file_bytes)
        if commit == INDEX:
            return await (await self._reader()).staged_texts(paths)
        return await self._read((checked_name(commit),), lambda reader: reader.texts(commit, paths))

    async def commits(self, repository: Repository, base: str, head: str, limit: int = 250) -> tuple[Commit, ...]:
        earlier, later = _committed(base), _committed(head)
        return await self._read((earlier, later), lambda reader: reader.commits(earlier, later, limit))

    async def _read(self, commits: tuple[str, ...], read: Callable[[GitReader], Awaitable[Result]]) -> Result:
        """Only where git could not do it is it worth a process more to see whether all commits are there."""
        try:
            return await read(await self._reader())
        except (CorruptRepository, GitFailed):
            named = [commit for commit in commits if commit not in EMPTY_TREES.values()]
            await self._require(named)
            raise

    async def _reader(self) -> GitReader:
        return GitReader(Git(await self.top(), self._environment, self._limits.read_seconds), self._limits)

    async def _diff_of_worktree(self, reader: GitReader, since: tuple[str, ...]) -> str:
        unknown = await reader.git.run("ls-files", "--others", "--exclude-standard", "-z")
        if not unknown.output:
            return await reader.diff_of(*since)
        # git compares only what its index names: a copy of the index gets the new names, and the objects that come with
        # them a folder of their own. The repository is left alone, and may be one that nobody can write to.
        index, objects = await self._git_path(reader, "index"), await self._git_path(reader, "objects")
        with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
            copy = Path(folder) / "index"
            if index.exists():
                await asyncio.to_thread(shutil.copyfile, index, copy)
            beside = [_quoted(objects), self._environment.get(_ALTERNATES, "")]
            extra = {
                "GIT_INDEX_FILE": str(copy),
                "GIT_OBJECT_DIRECTORY": folder,
                _ALTERNATES: os.pathsep.join(path for path in beside if path),
            }
            await reader.git.run("add", "--intent-to-add", "--ignore-errors", "--", ".", expected=(0, 1), extra=extra)
            return await reader.diff_of(*since, extra=extra)

    async def _git_path(self, reader: GitReader, name: str) -> Path:
        located = await reader.git.run("rev-parse", "--git-path", name)
        return await self.top() / os.fsdecode(located.output.removesuffix(b"\n"))

    async def _require(self, commits: list[str]) -> None:
        names = [_committed(commit) for commit in commits]
        ids = await self._resolved(names)
        for name in names:
            _known(name, ids)

    async def _resolved(self, names: list[str]) -> dict[str, str | None]:
        """The commit id of each name, by one process."""
        given = "".join(f"{checked_name(name)}^{{commit}}\n" for name in names).encode()
        completed = await (await self._reader()).git.run("cat-file", "--batch-check=%(objectname)", given=given)
        answers = completed.output.decode().splitlines()
        return {name: None if " " in answer else answer for name, answer in zip(names, answers, strict=True)}


def _quoted(path: Path) -> str:
    """In the form in which git takes any path in a list of paths."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _known(name: str, ids: Mapping[str, str | None]) -> str:
    commit = ids[name]
    if commit is None:
        raise CommitNotFound(name)
    return commit


def _committed(commit: str) -> str:
    """The commit that history is asked for: what is not committed stands on HEAD."""
    return "HEAD" if commit in (WORKTREE, INDEX) else checked_name(commit)


def _from_disk(top: Path, paths: tuple[str, ...], limit: int) -> dict[str, bytes | None]:
    return {path: _file(top, path, limit) if is_inside(path) else None for path in paths}


def _file(top: Path, path: str, limit: int) -> bytes | None:
    """Nothing behind a symbolic link is read: git sees the link, not what it points to."""
    file = top / path
    try:
        if any(parent.is_symlink() for parent in file.parents if parent.is_relative_to(top) and parent != top):
            return None
        about = file.lstat()
        if stat.S_ISLNK(about.st_mode):
            return os.fsencode(file.readlink())
        return file.read_bytes() if stat.S_ISREG(about.st_mode) and about.st_size <= limit else None
    except OSError:
        return None
