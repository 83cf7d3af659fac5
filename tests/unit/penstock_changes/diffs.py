"""Diffs for these tests, as short as can be said."""

from penstock_changes.diffs import parse_diff
from penstock_changes.model import FileChange


def modified(path: str, *hunks: str, extra: str = "") -> str:
    return f"diff --git a/{path} b/{path}\n{extra}--- a/{path}\n+++ b/{path}\n{''.join(hunks)}"


def added(path: str, lines: int = 1) -> str:
    body = "".join(f"+line {number}\n" for number in range(1, lines + 1))
    begin = f"diff --git a/{path} b/{path}\nnew file mode 100644\n"
    return f"{begin}--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{lines} @@\n{body}"


def deleted(path: str) -> str:
    begin = f"diff --git a/{path} b/{path}\ndeleted file mode 100644\n"
    return f"{begin}--- a/{path}\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n"


def changes(*texts: str) -> tuple[FileChange, ...]:
    return parse_diff("".join(texts))
