"""A bare repository on disk and the few commands of Git that the forge needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Files = Mapping[str, str | bytes | None]
"""Path to content; None removes the file."""

_CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
\tquotePath = false
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
\thideRefs = refs/kept
[gc]
\tauto = 0
[http]
\treceivepack = true
"""


class GitFailed(Exception):
    """Git ended with an error, after it had told `told`."""

    def __init__(self, complaint: str, told: bytes = b"") -> None:
        self.told = told
        super().__init__(complaint)


def environment() -> dict[str, str]:
    """Git's own, without whatever the person who started the forge has configured."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    seconds: int

    def __str__(self) -> str:
        plain = "".join(each for each in self.name if each not in "<>\n\0")
        return f"{plain} <{plain.replace(' ', '.')}@forge.invalid> {self.seconds} +0000"


@dataclass(frozen=True, slots=True)
class GitRepository:
    path: Path
    slots: asyncio.Semaphore
    """Bounds the processes at work: a burst of pull requests must not use up the open files."""

    def create(self, default_branch: str) -> None:
        """Writes what `git init` would, without starting a process."""
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/pull"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        (self.path / "config").write_text(_CONFIG, encoding="utf-8")
        (self.path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n", encoding="utf-8")

    async def commit(
        self, refs: Sequence[str], files: Files, *, parent: str | None, message: str, author: Author
    ) -> str:
        """One commit on top of `parent`, and all of `refs` set to it, in one process."""
        script = bytearray()
        script += f"commit {refs[0]}\nmark :1\nauthor {author}\ncommitter {author}\n".encode()
        script += _data(message)
        script += f"from {parent}\n".encode() if parent else b""
        for path, content in files.items():
            script += f"D {_quoted(path)}\n".encode() if content is None else _inline(path, content)
        script += b"\n"
        for ref in refs[1:]:
            script += f"reset {ref}\nfrom :1\n\n".encode()
        script += b"get-mark :1\ndone\n"
        told = await self.run("fast-import", "--quiet", "--done", "--force", stdin=bytes(script))
        return told.decode().strip()

    async def point(self, commit: str, *refs: str) -> None:
        """Sets the refs to a commit that is already there."""
        await self._update_refs(f"update {ref} {commit}\n" for ref in refs)

    async def delete(self, *refs: str) -> None:
        await self._update_refs(f"delete {ref}\n" for ref in refs)

    async def _update_refs(self, lines: Iterable[str]) -> None:
        await self.run("update-ref", "--stdin", stdin="".join(lines).encode())

    async def resolve(self, name: str) -> str | None:
        """The commit a branch, a ref or an abbreviated id means."""
        for candidate in (f"refs/heads/{name}", name):
            try:
                told = await self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
            except GitFailed:
                continue
            return told.decode().strip()
        return None

    async def file(self, commit: str, path: str) -> bytes | None:
        try:
            return await self.run("cat-file", "blob", f"{commit}:{path}")
        except GitFailed:
            return None

    async def merge_base(self, base: str, head: str) -> str:
        try:
            return (await self.run("merge-base", base, head)).decode().strip()
        except GitFailed:
            return base

    async def merge(self, base: str, head: str, *, message: str, author: Author) -> str:
        """A merge commit of both; raises GitFailed when they conflict."""
        tree = (await self.run("merge-tree", "--write-tree", base, head)).decode().strip()
        name, _, rest = str(author).partition(" <")
        mail, _, when = rest.partition("> ")
        person = {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            for field, value in (("NAME", name), ("EMAIL", mail), ("DATE", when))
        }
        told = await self.run("commit-tree", tree, "-p", base, "-p", head, "-m", message, extra=person)
        return told.decode().strip()

    async def run(self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
        async with self.slots:
            process = await asyncio.create_subprocess_exec(
                "git",
                *arguments,
                cwd=self.path,
                env=environment() | dict(extra or {}),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            told, complaint = await process.communicate(stdin)
        if process.returncode != 0:
            raise GitFailed(f"git {arguments[0]}: {complaint.decode(errors='replace').strip()}", told)
        return told


def _inline(path: str, content: str | bytes) -> bytes:
    return f"M 100644 inline {_quoted(path)}\n".encode() + _data(content)


def _data(content: str | bytes) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return f"data {len(raw)}\n".encode() + raw + b"\n"


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
