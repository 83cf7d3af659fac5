"""What is read from a repository that git has on this disk, in as few processes as can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock_sources.environment import EMPTY_TREES
from penstock_sources.errors import SourceTooLarge
from penstock_sources.git import Git, NoMergeBase
from penstock_sources.limits import Limits
from penstock_sources.ports import Commit

DIFF_OPTIONS = (
    "--patch",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--find-renames=50%",
    "-l1000",
    "-O/dev/null",
    "--full-index",
    "--submodule=short",
    "--ignore-submodules=dirty",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--no-relative",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-color-moved",
)
PATHS_AT_ONCE = 1000
_SUBMODULE = "160000"
_FIELDS = "%H%x1f%P%x1f%aN%x1f%s"


@dataclass(frozen=True, slots=True)
class GitReader:
    """Reads through one Git; every commit it is given is known to be there."""

    git: Git
    limits: Limits

    async def diff(self, base: str, head: str) -> str:
        """Two commits that share no history are compared as they are."""
        # .gitattributes of the reviewed change must not decide what the review gets to see.
        attributes = {"GIT_ATTR_SOURCE": EMPTY_TREES.get(len(head), EMPTY_TREES[40])}
        try:
            return await self.diff_of(f"{base}...{head}", extra=attributes)
        except NoMergeBase:
            return await self.diff_of(base, head, extra=attributes)

    async def diff_of(self, *what: str, extra: Mapping[str, str] | None = None) -> str:
        completed = await self.git.run(
            "diff", *DIFF_OPTIONS, *what, "--", output_bytes=self.limits.diff_bytes, extra=extra
        )
        return completed.output.decode("utf-8", errors="replace")

    async def merge_base(self, a: str, b: str) -> str | None:
        completed = await self.git.run("merge-base", "--", a, b, expected=(0, 1))
        return completed.output.decode().strip() or None

    async def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        completed = await self.git.run("merge-base", "--is-ancestor", "--", ancestor, descendant, expected=(0, 1))
        return completed.status == 0

    async def commits(self, base: str, head: str, limit: int) -> tuple[Commit, ...]:
        excluded = () if base in EMPTY_TREES.values() else (f"^{base}",)
        completed = await self.git.run(
            "log", "-z", f"--max-count={limit}", f"--format={_FIELDS}", "--topo-order", head, *excluded, "--"
        )
        records = completed.output.decode("utf-8", errors="replace").split("\0")
        return tuple(_commit(record) for record in records if record)

    async def texts(self, commit: str, paths: Iterable[str]) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = dict.fromkeys(paths)
        blobs = await self._blobs(commit, [path for path in found if is_inside(path)])
        contents = await self.contents(blobs.values())
        found.update((path, contents[blob]) for path, blob in blobs.items() if blob in contents)
        return found

    async def staged_texts(self, paths: Iterable[str]) -> dict[str, bytes | None]:
        """As `texts`, of what is staged."""
        found: dict[str, bytes | None] = dict.fromkeys(paths)
        asked = [path for path in found if is_inside(path)]
        if not asked:
            return found
        listed = await self.git.run("ls-files", "-z", "--stage", "--full-name", "--", *asked)
        blobs: dict[str, str] = {}
        for entry in filter(None, listed.output.split(b"\0")):
            about, _, raw_path = entry.partition(b"\t")
            mode, blob, stage = about.decode().split()
            path = raw_path.decode("utf-8", errors="surrogateescape")
            if mode != _SUBMODULE and stage == "0" and path in found:
                blobs[path] = blob
        contents = await self.contents(await self._small(blobs.values()))
        found.update((path, contents[blob]) for path, blob in blobs.items() if blob in contents)
        return found

    async def _small(self, blobs: Iterable[str]) -> list[str]:
        given = "".join(f"{blob}\n" for blob in blobs).encode()
        sizes = await self.git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", given=given)
        rows = (line.split() for line in sizes.output.decode().splitlines())
        return [blob for blob, size in rows if size != "missing" and int(size) <= self.limits.file_bytes]

    async def contents(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """The content of each blob, by one process."""
        wanted = list(dict.fromkeys(blobs))
        if not wanted:
            return {}
        given = "".join(f"{blob}\n" for blob in wanted).encode()
        limit = self.limits.texts_bytes
        completed = await self.git.run("cat-file", "--batch", given=given, output_bytes=limit + 100 * len(wanted))
        return dict(_batched(completed.output))

    async def _blobs(self, commit: str, paths: list[str]) -> dict[str, str]:
        """Path to blob, without those larger than a file may be."""
        blobs: dict[str, str] = {}
        total = 0
        for start in range(0, len(paths), PATHS_AT_ONCE):
            asked = paths[start : start + PATHS_AT_ONCE]
            completed = await self.git.run("ls-tree", "-z", "-l", "--full-tree", commit, "--", *asked)
            for entry in filter(None, completed.output.split(b"\0")):
                about, _, raw_path = entry.partition(b"\t")
                _, kind, blob, size = about.decode().split()
                if kind == "blob" and int(size) <= self.limits.file_bytes:
                    blobs[raw_path.decode("utf-8", errors="surrogateescape")] = blob
                    total += int(size)
        if total > self.limits.texts_bytes:
            raise SourceTooLarge(f"{len(blobs)} files have {total} bytes, {self.limits.texts_bytes} are allowed")
        wanted = frozenset(paths)
        return {path: blob for path, blob in blobs.items() if path in wanted}


def is_inside(path: str) -> bool:
    """Whether this can be the path of a file in a repository at all."""
    return "\0" not in path and not any(part in ("", ".", "..") for part in path.split("/"))


def _batched(output: bytes) -> Iterable[tuple[str, bytes]]:
    """`<blob> blob <size>`, a line feed, the content, a line feed; or `<blob> missing`."""
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        words = output[position:end].decode().split(" ")
        position = end + 1
        if len(words) == 3:
            size = int(words[2])
            yield words[0], output[position : position + size]
            position += size + 1


def _commit(record: str) -> Commit:
    commit, parents, author, title = record.split("\x1f", 3)
    return Commit(id=commit, parents=tuple(parents.split()), author=author, title=title)
