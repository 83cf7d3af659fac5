"""PURE: git's diff, cut into the texts of its files."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from penstock_changes.diffs import parse_diff
from penstock_changes.model import FileChange

# Lines of a hunk begin with a blank, a plus, a minus or a backslash, so this stands at a header only.
_HEADER = re.compile(r"^(?=diff --git )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """Every file of a diff, and git's own text of each; a path has two where it became another kind of file."""

    files: tuple[FileChange, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    def without(self, paths: Iterable[str]) -> "Change":
        gone = set(paths)
        return Change(
            tuple(file for file in self.files if file.path not in gone),
            {path: text for path, text in self.texts.items() if path not in gone},
        )

    def only(self, paths: Iterable[str]) -> "Change":
        wanted = set(paths)
        return self.without({file.path for file in self.files} - wanted)

    def joined(self, other: "Change") -> "Change":
        """Both, where they have no path in common."""
        files = sorted((*self.files, *other.files), key=lambda file: file.path)
        return Change(tuple(files), {**self.texts, **other.texts})


def read(diff: str) -> Change:
    """Raises MalformedDiff."""
    files: list[FileChange] = []
    texts: dict[str, str] = {}
    for section in _HEADER.split(diff):
        for file in parse_diff(section):
            files.append(file)
            texts[file.path] = texts.get(file.path, "") + section
    return Change(tuple(files), texts)
