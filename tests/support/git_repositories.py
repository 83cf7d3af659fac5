"""Real repositories for tests, each commit made by one git process."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ISOLATED = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}

SYMLINK = "120000"
SUBMODULE = "160000"
EXECUTABLE = "100755"
FILE = "100644"


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    completed = subprocess.run(
        ["git", *arguments], cwd=folder, env=ISOLATED, input=given, capture_output=True, check=False
    )
    assert completed.returncode == 0, completed.stderr.decode()
    return completed.stdout


@dataclass(slots=True)
class GitRepository:
    """Each commit gets a branch of its own: `branch-1`, `branch-2`."""

    folder: Path
    _made: int = field(default=0)

    @classmethod
    def bare(cls, folder: Path, *, partial: bool = True) -> "GitRepository":
        return cls._initialised(folder, "--bare", partial=partial)

    @classmethod
    def working_copy(cls, folder: Path) -> "GitRepository":
        return cls._initialised(folder, "--initial-branch=main", partial=False)

    @classmethod
    def _initialised(cls, folder: Path, option: str, *, partial: bool) -> "GitRepository":
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", option, ".")
        git(folder, "config", "uploadpack.allowFilter", "true" if partial else "false")
        return cls(folder)

    def commit(
        self,
        files: Mapping[str, bytes],
        parents: tuple[str, ...] = (),
        *,
        title: str = "A change",
        author: str = "Ada",
        modes: Mapping[str, str] | None = None,
    ) -> str:
        """A commit that has exactly these files; gives its id. The content of a submodule is its commit's id."""
        self._made += 1
        modes = modes or {}
        stamp = f"{1_700_000_000 + self._made} +0000"
        data = title.encode()
        stream = [
            f"reset refs/heads/branch-{self._made}\ncommit refs/heads/branch-{self._made}\nmark :1\n".encode(),
            f"author {author} <a@example.org> {stamp}\ncommitter {author} <a@example.org> {stamp}\n".encode(),
            b"data %d\n%s\n" % (len(data), data),
            *(f"{word} {parent}\n".encode() for word, parent in zip(("from", *["merge"] * 9), parents, strict=False)),
            b"deleteall\n",
            *(_entry(path, content, modes.get(path, FILE)) for path, content in files.items()),
            b"get-mark :1\n",
        ]
        return git(self.folder, "fast-import", "--quiet", given=b"".join(stream)).decode().strip()


def _entry(path: str, content: bytes, mode: str) -> bytes:
    quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if mode == SUBMODULE:
        return f"M {mode} {content.decode()} {quoted}\n".encode()
    return f"M {mode} inline {quoted}\n".encode() + b"data %d\n%s\n" % (len(content), content)
