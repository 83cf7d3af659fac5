"""Sources from bare partial mirrors on a disposable volume."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from penstock_sources.environment import EMPTY_TREES, mirror_environment
from penstock_sources.errors import SourceTooLarge, SourceUnavailable
from penstock_sources.git import CorruptRepository, Git, NotOffered
from penstock_sources.limits import Limits
from penstock_sources.locks import Hold, file_lock
from penstock_sources.ports import Commit, Repository
from penstock_sources.reader import PATHS_AT_ONCE, GitReader, is_inside
from penstock_sources.revisions import checked_clone_url, checked_commit
from penstock_sources.volume import discard, lock_of, make_room, note_use, size_of

Result = TypeVar("Result")

_OWN_REFS = "refs/penstock"
_EVERYTHING = (
    "+refs/heads/*:refs/offered/heads/*",
    "+refs/pull/*/head:refs/offered/pull/*",
    "+refs/merge-requests/*/head:refs/offered/merge-requests/*",
    "+refs/pull-requests/*/from:refs/offered/pull-requests/*",
)
_FORMATS = {40: "sha1", 64: "sha256"}
_TRIES = 3


class GitMirrors:
    """One bare mirror per repository below `root`, without file contents where the server can leave them out.

    A commit that was brought has a ref of its own, written last: what has the ref is complete. Whoever changes a mirror
    holds its lock alone, whoever reads holds it with others; a mirror may be deleted whenever nobody holds it.
    A server that hands out contents only with their commits has its mirror marked as whole, for good.
    """

    def __init__(self, root: Path, limits: Limits | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._limits = limits or Limits()
        self._environment = os.environ if environment is None else environment
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure(self, repository: Repository, *commits: str) -> None:
        checked_clone_url(repository.clone_url, self._limits.protocols)
        mirror = self._folder(repository)
        if not _missing(mirror, commits):
            return
        # Those of one process queue here, in order, so that the file lock is contended between processes only.
        queue = self._alone.setdefault(mirror.name, asyncio.Lock())
        async with queue:
            with _disk(self._root):
                await asyncio.to_thread(self._root.mkdir, parents=True, exist_ok=True)
                async with file_lock(lock_of(mirror), Hold.WRITING, self._limits.lock_seconds) as held:
                    missing = _missing(mirror, commits)
                    if missing:
                        await self._bring(repository, mirror, missing, held)
                await make_room(self._root, self._limits.volume_bytes, spared=mirror)

    async def diff(self, repository: Repository, base: str, head: str) -> str:
        return await self._read(repository, (base, head), lambda reader: reader.diff(base, head))

    async def merge_base(self, repository: Repository, a: str, b: str) -> str | None:
        return await self._read(repository, (a, b), lambda reader: reader.merge_base(a, b))

    async def is_ancestor(self, repository: Repository, ancestor: str, descendant: str) -> bool:
        commits = (ancestor, descendant)
        return await self._read(repository, commits, lambda reader: reader.is_ancestor(ancestor, descendant))

    async def text(self, repository: Repository, commit: str, path: str) -> bytes | None:
        return (await self.texts(repository, commit, (path,)))[path]

    async def texts(self, repository: Repository, commit: str, paths: Iterable[str]) -> Mapping[str, bytes | None]:
        wanted = tuple(paths)

        async def read(reader: GitReader) -> dict[str, bytes | None]:
            await _bring_contents(reader.git, commit, [path for path in wanted if is_inside(path)])
            return await reader.texts(commit, wanted)

        return await self._read(repository, (commit,), read)

    async def commits(self, repository: Repository, base: str, head: str, limit: int = 250) -> tuple[Commit, ...]:
        return await self._read(repository, (base, head), lambda reader: reader.commits(base, head, limit))

    async def forget(self, repository: Repository) -> None:
        """Deletes the mirror once nobody uses it; the next reading makes it anew."""
        mirror = self._folder(repository)
        with _disk(self._root):
            async with file_lock(lock_of(mirror), Hold.WRITING, self._limits.lock_seconds):
                await discard(mirror)

    async def _read(
        self, repository: Repository, commits: tuple[str, ...], read: Callable[[GitReader], Awaitable[Result]]
    ) -> Result:
        """Brings the commits and reads. A mirror that is damaged, or lacks what the server does not hand out apart, is
        thrown away and made anew, once."""
        mirror = self._folder(repository)
        renewed = False
        for _ in range(_TRIES):
            await self.ensure(repository, *commits)
            try:
                async with file_lock(lock_of(mirror), Hold.READING, self._limits.lock_seconds) as held:
                    await note_use(held)
                    # Between bringing and reading somebody may have deleted the mirror.
                    if not _missing(mirror, commits):
                        return await read(GitReader(await self._git(repository, mirror, held), self._limits))
            except (CorruptRepository, NotOffered) as error:
                if renewed:
                    raise
                renewed = True
                if isinstance(error, NotOffered):
                    _whole_of(mirror).touch()
                await self.forget(repository)
        raise SourceUnavailable("its mirror was deleted again and again while it was read")

    async def _bring(self, repository: Repository, mirror: Path, commits: list[str], held: int) -> None:
        """Under the lock: whatever another process left half-done here is nobody's any more."""
        if mirror.exists():
            await asyncio.to_thread(_sweep, mirror)
            git = await self._git(repository, mirror, held)
            await self._fetch(git, commits, _whole_of(mirror))
        else:
            building = mirror.with_suffix(".building")
            await discard(building)
            await asyncio.to_thread(building.mkdir)
            git = await self._git(repository, building, held)
            await git.run(
                "init", "--quiet", "--bare", "--template=", f"--object-format={_FORMATS[len(commits[0])]}", "."
            )
            await self._fetch(git, commits, _whole_of(mirror))
            await asyncio.to_thread(building.rename, mirror)
        await self._check_size(mirror)

    async def _fetch(self, git: Git, commits: list[str], whole: Path) -> None:
        try:
            await _transfer(git, [f"+{commit}:{_OWN_REFS}/{commit}" for commit in commits], whole)
        except NotOffered:
            whole.touch()
            await _transfer(git, list(_EVERYTHING), whole)
            created = "".join(f"update {_OWN_REFS}/{commit} {commit}\n" for commit in commits)
            await git.run("update-ref", "--stdin", given=created.encode())
        # Packing together what several transfers brought writes a file larger than any of them.
        await replace(git, file_bytes=None).run("gc", "--auto", "--quiet")

    async def _check_size(self, mirror: Path) -> None:
        size = await asyncio.to_thread(size_of, mirror)
        if size > self._limits.mirror_bytes:
            await discard(mirror)
            raise SourceTooLarge(f"its mirror has {size} bytes, {self._limits.mirror_bytes} are allowed")

    async def _git(self, repository: Repository, folder: Path, held: int) -> Git:
        credential = await repository.credentials.current() if repository.credentials else None
        environment = mirror_environment(
            self._environment, self._root, repository.clone_url, self._limits.protocols, credential
        )
        return Git(folder, environment, self._limits.fetch_seconds, (held,), self._limits.pack_bytes)

    def _folder(self, repository: Repository) -> Path:
        return self._root.absolute() / f"{hashlib.sha256(repository.key.encode()).hexdigest()[:40]}.git"


async def _transfer(git: Git, refs: list[str], whole: Path) -> None:
    filtered = () if whole.exists() else ("--filter=blob:none",)
    await git.run(
        "fetch",
        "--quiet",
        *filtered,
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--no-show-forced-updates",
        "--stdin",
        "origin",
        given="".join(f"{ref}\n" for ref in refs).encode(),
    )


async def _bring_contents(git: Git, commit: str, paths: list[str]) -> None:
    """All missing contents in one transfer: git fetches together what it is about to compare, but one by one what it
    is asked to print."""
    empty = EMPTY_TREES[len(commit)]
    for start in range(0, len(paths), PATHS_AT_ONCE):
        asked = paths[start : start + PATHS_AT_ONCE]
        await git.run("diff", "--numstat", "--no-renames", "--ignore-submodules", empty, commit, "--", *asked)


def _missing(mirror: Path, commits: Iterable[str]) -> list[str]:
    wanted = dict.fromkeys(checked_commit(commit) for commit in commits)
    return [commit for commit in wanted if not (mirror / _OWN_REFS / commit).exists()]


@contextmanager
def _disk(root: Path) -> Iterator[None]:
    """What the disk refuses may go well later, or elsewhere."""
    try:
        yield
    except OSError as error:
        raise SourceUnavailable(f"the mirrors in {root.name} cannot be changed ({error.strerror})") from error


def _whole_of(mirror: Path) -> Path:
    return mirror.with_suffix(".whole")


def _sweep(mirror: Path) -> None:
    """Removes what killed git processes left: lock files and unfinished packs."""
    for left in (*mirror.glob("*.lock"), *mirror.glob("refs/**/*.lock"), *mirror.glob("objects/pack/tmp_*")):
        left.unlink(missing_ok=True)
