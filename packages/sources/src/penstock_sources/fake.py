"""Sources in memory, for tests and for whoever tries something out without git."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from penstock_sources.errors import CommitNotFound, SourceError
from penstock_sources.ports import Commit, Repository
from penstock_sources.revisions import checked_commit

_FILE = "100644"
_NOTHING = "0" * 40


@dataclass(frozen=True, slots=True)
class _Snapshot:
    commit: Commit
    files: Mapping[str, bytes]


@dataclass(slots=True)
class FakeSources:
    """Commits are made with `commit`; `fail_next` lets the next call fail. Renames are found for equal contents only.

    `asked` lists the calls: name of the method and the key of the repository.
    """

    file_bytes: int = 2 * 1024 * 1024
    asked: list[tuple[str, str]] = field(default_factory=list)
    _repositories: dict[str, dict[str, _Snapshot]] = field(default_factory=dict)
    _failures: list[SourceError] = field(default_factory=list)

    def commit(
        self,
        key: str,
        files: Mapping[str, bytes],
        parents: tuple[str, ...] = (),
        *,
        title: str = "A change",
        author: str = "Ada",
    ) -> str:
        """A commit that has exactly these files; gives its id."""
        history = self._repositories.setdefault(key, {})
        content = "\0".join(f"{path}\0{_blob(data)}" for path, data in sorted(files.items()))
        made_of = "\n".join((key, str(len(history)), *parents, title, author, content))
        commit = hashlib.sha1(made_of.encode(), usedforsecurity=False).hexdigest()
        history[commit] = _Snapshot(Commit(commit, parents, author, title), dict(files))
        return commit

    def fail_next(self, error: SourceError) -> None:
        self._failures.append(error)

    async def ensure(self, repository: Repository, *commits: str) -> None:
        self._called("ensure", repository, *commits)

    async def diff(self, repository: Repository, base: str, head: str) -> str:
        history = self._called("diff", repository, base, head)
        before = history[self._best_ancestor(history, base, head) or base].files
        return unified_diff(before, history[head].files)

    async def merge_base(self, repository: Repository, a: str, b: str) -> str | None:
        return self._best_ancestor(self._called("merge_base", repository, a, b), a, b)

    async def is_ancestor(self, repository: Repository, ancestor: str, descendant: str) -> bool:
        history = self._called("is_ancestor", repository, ancestor, descendant)
        return ancestor in _ancestry(history, descendant)

    async def text(self, repository: Repository, commit: str, path: str) -> bytes | None:
        return (await self.texts(repository, commit, (path,)))[path]

    async def texts(self, repository: Repository, commit: str, paths: Iterable[str]) -> Mapping[str, bytes | None]:
        files = self._called("texts", repository, commit)[commit].files
        found = {path: files.get(path) for path in paths}
        return {path: data if data is None or len(data) <= self.file_bytes else None for path, data in found.items()}

    async def commits(self, repository: Repository, base: str, head: str, limit: int = 250) -> tuple[Commit, ...]:
        history = self._called("commits", repository, base, head)
        known = set(_ancestry(history, base))
        return tuple(history[commit].commit for commit in _ancestry(history, head) if commit not in known)[:limit]

    def _called(self, name: str, repository: Repository, *commits: str) -> Mapping[str, _Snapshot]:
        self.asked.append((name, repository.key))
        if self._failures:
            raise self._failures.pop(0)
        history = self._repositories.get(repository.key, {})
        for commit in commits:
            if checked_commit(commit) not in history:
                raise CommitNotFound(commit)
        return history

    @staticmethod
    def _best_ancestor(history: Mapping[str, _Snapshot], a: str, b: str) -> str | None:
        of_a = set(_ancestry(history, a))
        common = [commit for commit in _ancestry(history, b) if commit in of_a]
        return max(common, key=lambda commit: len(_ancestry(history, commit)), default=None)


def unified_diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """What git would print for these two states of a folder, up to how it cuts a change into hunks."""
    gone = {path: data for path, data in before.items() if path not in after}
    moved: dict[str, str] = {}
    for path in sorted(after.keys() - before.keys()):
        source = next((old for old, data in gone.items() if data and data == after[path]), None)
        if source is not None:
            del gone[source]
            moved[path] = source
    texts = []
    for path in sorted(before.keys() | after.keys()):
        if path in moved:
            texts.append(_renamed(moved[path], path))
        elif path in gone or (path in after and before.get(path) != after[path]):
            texts.append(_changed(path, before.get(path), after.get(path)))
    return "".join(texts)


def _renamed(old: str, new: str) -> str:
    return f"diff --git a/{old} b/{new}\nsimilarity index 100%\nrename from {old}\nrename to {new}\n"


def _changed(path: str, old: bytes | None, new: bytes | None) -> str:
    begin = f"diff --git a/{path} b/{path}\n"
    if old is None or new is None:
        begin += f"{'new' if old is None else 'deleted'} file mode {_FILE}\n"
    mode = f" {_FILE}" if old is not None and new is not None else ""
    begin += f"index {_blob(old)}..{_blob(new)}{mode}\n"
    names = ("/dev/null" if old is None else f"a/{path}", "/dev/null" if new is None else f"b/{path}")
    if b"\0" in (old or b"") + (new or b""):
        return f"{begin}Binary files {names[0]} and {names[1]} differ\n"
    hunks = "".join(_hunks(_lines(old), _lines(new)))
    return f"{begin}--- {names[0]}\n+++ {names[1]}\n{hunks}" if hunks else begin


def _hunks(old: list[str], new: list[str]) -> Iterable[str]:
    lines = list(difflib.unified_diff(old, new, n=3))[2:]
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(data: bytes | None) -> list[str]:
    text = (data or b"").decode("utf-8", errors="replace")
    parts = text.split("\n")
    last = parts.pop()
    return [f"{part}\n" for part in parts] + ([last] if last else [])


def _blob(data: bytes | None) -> str:
    if data is None:
        return _NOTHING
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _ancestry(history: Mapping[str, _Snapshot], commit: str) -> list[str]:
    """The commit and all before it, none before its descendants."""
    ordered: list[str] = []
    done: set[str] = set()

    stack = [(commit, False)]
    while stack:
        at, left = stack.pop()
        if left:
            ordered.append(at)
        elif at not in done and at in history:
            done.add(at)
            stack.append((at, True))
            stack.extend((parent, False) for parent in history[at].commit.parents)
    return ordered[::-1]
