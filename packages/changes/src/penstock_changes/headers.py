"""The header of one file in a git diff: what is said before its hunks."""

import re
from dataclasses import dataclass, field

from penstock_changes.model import ChangeStatus, ContentKind, FileChange, Hunk
from penstock_changes.quoting import leading_quoted, unquote

_NOWHERE = "/dev/null"
_SYMLINK = "120000"
_SUBMODULE = "160000"
_BEGIN = "diff --git "

# The second form is Bitbucket Data Center's.
_OLD = re.compile(r"^(?:a/|src://)")
_NEW = re.compile(r"^(?:b/|dst://)")


@dataclass(slots=True)
class FileHeader:
    """Collects the lines of a header; `take` is false for a line that no header has."""

    written: str
    said: dict[str, str] = field(default_factory=dict)
    binary: bool = False

    @classmethod
    def begin(cls, line: str) -> "FileHeader":
        return cls(written=line.removesuffix("\r")[len(_BEGIN) :])

    def take(self, line: str) -> bool:
        line = line.removesuffix("\r")
        if line.startswith(("Binary files ", "GIT binary patch")):
            self.binary = True
            return True
        for word in _WORDS:
            if line.startswith(word):
                self.said[word] = line[len(word) :]
                return True
        # What follows `GIT binary patch` is base 85 data: nothing in it is ours to judge.
        return self.binary

    def change(self, hunks: tuple[Hunk, ...]) -> FileChange | None:
        paths = self._paths()
        if paths is None or not all(paths):
            return None
        old_path, path = paths
        old_mode, new_mode = self._modes()
        status = self._status(hunks)
        return FileChange(
            path=old_path if status is ChangeStatus.DELETED else path,
            old_path=path if status is ChangeStatus.ADDED else old_path,
            status=status,
            content=self._content(old_mode, new_mode),
            hunks=hunks,
            old_mode=old_mode,
            new_mode=new_mode,
        )

    def _paths(self) -> tuple[str, str] | None:
        for old, new in (("rename from ", "rename to "), ("copy from ", "copy to ")):
            if old in self.said and new in self.said:
                return unquote(self.said[old]), unquote(self.said[new])
        if "--- " in self.said and "+++ " in self.said:
            old_path, new_path = _marked(self.said["--- "], _OLD), _marked(self.said["+++ "], _NEW)
            return old_path or new_path, new_path or old_path
        return _both(self.written)

    def _modes(self) -> tuple[str | None, str | None]:
        if "new file mode " in self.said:
            return None, self.said["new file mode "]
        if "deleted file mode " in self.said:
            return self.said["deleted file mode "], None
        if "old mode " in self.said:
            return self.said["old mode "], self.said.get("new mode ")
        # `index 1a2b..3c4d 100644`: the mode stands there when it did not change.
        _, _, mode = self.said.get("index ", "").partition(" ")
        return mode or None, mode or None

    def _status(self, hunks: tuple[Hunk, ...]) -> ChangeStatus:
        said_by = {
            "new file mode ": ChangeStatus.ADDED,
            "deleted file mode ": ChangeStatus.DELETED,
            "rename from ": ChangeStatus.RENAMED,
            "copy from ": ChangeStatus.COPIED,
        }
        for word, status in said_by.items():
            if word in self.said:
                return status
        only_mode = "old mode " in self.said and not hunks and not self.binary
        return ChangeStatus.MODE if only_mode else ChangeStatus.MODIFIED

    def _content(self, old_mode: str | None, new_mode: str | None) -> ContentKind:
        if self.binary:
            return ContentKind.BINARY
        mode = new_mode or old_mode
        if mode == _SYMLINK:
            return ContentKind.SYMLINK
        return ContentKind.SUBMODULE if mode == _SUBMODULE else ContentKind.TEXT


_WORDS = (
    "index ",
    "--- ",
    "+++ ",
    "new file mode ",
    "deleted file mode ",
    "old mode ",
    "new mode ",
    "similarity index ",
    "dissimilarity index ",
    "rename from ",
    "rename to ",
    "copy from ",
    "copy to ",
)


def _marked(written: str, prefix: re.Pattern[str]) -> str:
    """The path of a `---` or `+++` line, empty for /dev/null; git ends it with a tab when it contains a blank."""
    path = unquote(written.removesuffix("\t"))
    return "" if path == _NOWHERE else prefix.sub("", path)


def _both(written: str) -> tuple[str, str] | None:
    """The two paths of a `diff --git` line. Where nothing else names them they are the same but for their prefix."""
    quoted = leading_quoted(written)
    if quoted is not None:
        old, new = quoted, written[len(quoted) + 1 :]
    else:
        middle = len(written) // 2
        old, new = written[:middle], written[middle + 1 :]
    old, new = _OLD.sub("", unquote(old)), _NEW.sub("", unquote(new))
    return (old, new) if old == new else None
