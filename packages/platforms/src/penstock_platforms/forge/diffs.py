"""The forge's own reading of a diff, kept apart from the one it is there to check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from penstock_platforms.forge.git import GitRepository

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_STATUSES = {"A": "added", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
_OPTIONS = ("-M", "--no-color", "--no-ext-diff", "--no-textconv")
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    previous_path: str
    status: str
    additions: int
    deletions: int
    patch: str | None
    anchors: Mapping[tuple[str, int], int]
    """Side and line to the number of the hunk in which a comment may stand there."""


class Diffs:
    """The changes between two commits never change, so the latest asked for are kept."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str, str], tuple[Change, ...]] = {}

    async def changes(self, git: GitRepository, base: str, head: str) -> tuple[Change, ...]:
        key = (str(git.path), base, head)
        if key not in self._changes:
            while len(self._changes) >= _KEPT:
                self._changes.pop(next(iter(self._changes)))
            self._changes[key] = await _read(git, await git.merge_base(base, head), head)
        return self._changes[key]


async def text(git: GitRepository, base: str, head: str) -> bytes:
    return await git.run("diff", *_OPTIONS, await git.merge_base(base, head), head, "--")


async def _read(git: GitRepository, base: str, head: str) -> tuple[Change, ...]:
    raw = await git.run("diff", *_OPTIONS, "-z", "--raw", base, head, "--")
    sections = iter(_sections((await git.run("diff", *_OPTIONS, base, head, "--")).decode(errors="replace")))
    found = []
    for status, previous, path in _entries(raw.decode(errors="surrogateescape")):
        # A file that became a link is shown as removed and added: two sections for one entry.
        patches = [next(sections, "") for _ in range(2 if status == "T" else 1)]
        found.append(_change(status, previous, path, _hunks("\n".join(patches))))
    return tuple(found)


def _entries(raw: str) -> Iterator[tuple[str, str, str]]:
    """(status, old path, new path) of each entry of `--raw -z`."""
    parts = iter(raw.split("\0"))
    for head in parts:
        if not head:
            return
        status = head.split(" ")[-1][:1]
        old = next(parts)
        yield status, old, next(parts) if status in "RC" else old


def _sections(diff: str) -> Iterator[str]:
    # Lines of content begin with a sign of their own, so this text begins a file and nothing else.
    yield from re.split(r"^diff --git ", diff, flags=re.MULTILINE)[1:]


def _hunks(section: str) -> str | None:
    start = _HUNK.search(section)
    return None if start is None else section[start.start() :].rstrip("\n")


def _change(status: str, previous: str, path: str, patch: str | None) -> Change:
    lines = (patch or "").split("\n")
    return Change(
        path=path,
        previous_path=previous if previous != path else "",
        status=_STATUSES.get(status, "modified"),
        additions=sum(line.startswith("+") for line in lines),
        deletions=sum(line.startswith("-") for line in lines),
        patch=patch,
        anchors=dict(anchors(patch or "")),
    )


def anchors(patch: str) -> Iterator[tuple[tuple[str, int], int]]:
    left = right = hunk = 0
    for line in patch.split("\n"):
        header = _HUNK.match(line)
        if header is not None:
            left, right, hunk = int(header[1]), int(header[3]), hunk + 1
        elif line.startswith("+"):
            yield ("RIGHT", right), hunk
            right += 1
        elif line.startswith("-"):
            yield ("LEFT", left), hunk
            left += 1
        elif not line.startswith("\\"):
            yield ("LEFT", left), hunk
            yield ("RIGHT", right), hunk
            left, right = left + 1, right + 1
