"""Working copies for tests of `penstock review`."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.git_repositories import git

SINS = """\
import subprocess


def remember(item, seen=[]):
    seen.append(item)
    return seen


def run(command):
    try:
        return subprocess.run(command, shell=True)
    except Exception:
        pass
"""
SINFUL_PLACES = (
    ("python-bare-except-pass", 12, 13),
    ("python-mutable-default-argument", 4, 4),
    ("python-subprocess-shell-true", 11, 11),
)


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    folder: Path

    @classmethod
    def empty(cls, folder: Path) -> "WorkingCopy":
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch=main", ".")
        return cls(folder)

    @classmethod
    def started(cls, folder: Path) -> "WorkingCopy":
        """With one commit on main, and on a branch of its own."""
        copy = cls.empty(folder)
        copy.write("app.py", "def greet():\n    return 'hello'\n")
        copy.commit("Begin")
        copy.git("checkout", "--quiet", "-b", "work")
        return copy

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments).decode().strip()

    def write(self, path: str, text: str | bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def commit(self, title: str = "A change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", title)
        return self.git("rev-parse", "HEAD")
