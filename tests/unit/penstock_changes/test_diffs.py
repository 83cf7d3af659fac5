import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_changes.diffs import parse_diff, parse_hunks
from penstock_changes.errors import MalformedDiff
from penstock_changes.model import ChangeStatus, ContentKind, FileChange, LineKind, Side

MODIFIED = """\
diff --git a/src/app.py b/src/app.py
index 1111111..2222222 100644
--- a/src/app.py
+++ b/src/app.py
@@ -1,3 +1,4 @@ def main():
 one
-two
+2
+2.5
 three
@@ -10,2 +11,1 @@
 ten
-eleven
\\ No newline at end of file
"""


def only(text: str) -> FileChange:
    (change,) = parse_diff(text)
    return change


def test_nothing_is_no_files() -> None:
    assert parse_diff("") == ()


def test_lines_have_their_kind_and_their_numbers_on_both_sides() -> None:
    first, second = only(MODIFIED).hunks
    assert [(line.kind.value, line.old_number, line.new_number, line.text) for line in first.lines] == [
        ("context", 1, 1, "one"),
        ("removed", 2, None, "two"),
        ("added", None, 2, "2"),
        ("added", None, 3, "2.5"),
        ("context", 3, 4, "three"),
    ]
    assert first.section == "def main():"
    assert [line.terminated for line in second.lines] == [True, False]


def test_changed_lines_are_counted_by_kind() -> None:
    change = only(MODIFIED)
    assert (change.added_lines, change.removed_lines, change.changed_lines) == (2, 2, 4)
    assert change.added_numbers() == {2, 3}


def test_removed_lines_that_look_like_headers_stay_lines() -> None:
    text = (
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/y\n-@@ -1 +1 @@\n+++ b/y\n+diff --git a/z b/z\n"
    )
    assert [line.text for line in only(text).lines()] == ["-- a/y", "@@ -1 +1 @@", "++ b/y", "diff --git a/z b/z"]


def test_carriage_returns_form_feeds_and_separators_belong_to_the_text() -> None:
    text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\r\n+b\x0c\x85\u2028c\n"
    assert [line.text for line in only(text).lines()] == ["a\r", "b\x0c\x85\u2028c"]


def test_a_missing_newline_may_follow_the_removed_line_and_the_added_one() -> None:
    mark = "\\ No newline at end of file\n"
    text = f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n{mark}+b\n{mark}{MODIFIED}"
    first, second = parse_diff(text)
    assert [line.terminated for line in first.lines()] == [False, False]
    assert second.path == "src/app.py"


@pytest.mark.parametrize(
    ("header", "path", "old_path", "status", "content"),
    [
        ("a/n b/n\nnew file mode 100644\nindex 0..e69de29\n", "n", "n", "added", "text"),
        ("a/d b/d\ndeleted file mode 100644\nindex e69de29..0\n", "d", "d", "deleted", "text"),
        ("a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\n", "n", "o", "renamed", "text"),
        ("a/o b/n\nsimilarity index 90%\ncopy from o\ncopy to n\n", "n", "o", "copied", "text"),
        ("a/m b/m\nold mode 100644\nnew mode 100755\n", "m", "m", "mode", "text"),
        ("a/b b/b\nindex 1..2 100644\nBinary files a/b and b/b differ\n", "b", "b", "modified", "binary"),
        (
            "a/b b/b\nnew file mode 100644\nindex 0..2\nBinary files /dev/null and b/b differ\n",
            "b",
            "b",
            "added",
            "binary",
        ),
        (
            "a/b b/b\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZ\n\nliteral 0\nHcmV\n\n",
            "b",
            "b",
            "modified",
            "binary",
        ),
        (
            "a/l b/l\nnew file mode 120000\nindex 0..2\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+to\n",
            "l",
            "l",
            "added",
            "symlink",
        ),
        (
            "a/s b/s\nindex 1..2 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n-Subproject 1\n+Subproject 2\n",
            "s",
            "s",
            "modified",
            "submodule",
        ),
        (
            "a/a b b/a b\nindex 1..2 100644\n--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-1\n+2\n",
            "a b",
            "a b",
            "modified",
            "text",
        ),
        (
            '"a/gr\\303\\266\\303\\237e" "b/gr\\303\\266\\303\\237e"\nold mode 100644\nnew mode 100755\n',
            "größe",
            "größe",
            "mode",
            "text",
        ),
        (
            '"a/q\\"\\\\\\t\\n" "b/q\\"\\\\\\t\\n"\nnew file mode 100644\nindex 0..1\n',
            'q"\\\t\n',
            'q"\\\t\n',
            "added",
            "text",
        ),
        (
            'a/p "b/\\303\\251"\nsimilarity index 100%\nrename from p\nrename to "\\303\\251"\n',
            "é",
            "p",
            "renamed",
            "text",
        ),
        ('"a/\\377" "b/\\377"\nold mode 100644\nnew mode 100755\n', "\\xff", "\\xff", "mode", "text"),
        ("src://m dst://m\nindex 1..2\n--- src://m\n+++ dst://m\n@@ -1 +1 @@\n-1\n+2\n", "m", "m", "modified", "text"),
        ("a/x b/x b/x b/x\nold mode 100644\nnew mode 100755\n", "x b/x", "x b/x", "mode", "text"),
    ],
)
def test_headers_say_path_status_and_content(header: str, path: str, old_path: str, status: str, content: str) -> None:
    change = only(f"diff --git {header}")
    assert (change.path, change.old_path) == (path, old_path)
    assert (change.status, change.content) == (ChangeStatus(status), ContentKind(content))


def test_a_mode_change_with_changed_lines_is_a_modification() -> None:
    text = "diff --git a/m b/m\nold mode 100644\nnew mode 100755\nindex 1..2\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-1\n+2\n"
    change = only(text)
    assert (change.status, change.old_mode, change.new_mode) == (ChangeStatus.MODIFIED, "100644", "100755")


def test_headers_with_carriage_returns_are_read_too() -> None:
    text = "diff --git a/m b/m\r\nindex 1..2 100644\r\n--- a/m\r\n+++ b/m\r\n@@ -1 +1 @@\r\n-1\r\n+2\r\n"
    assert only(text).path == "m"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rubbish", 1),
        ("diff --cc x\n", 1),
        ("diff --git a/x b/y\n", 1),
        ("diff --git a/ b/\n", 1),
        ("diff --git\n", 1),
        ("diff --git a/x b/x\nrubbish\n", 2),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -x +1 @@\n", 4),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n", 6),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n+a\n+b\n", 6),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\nleft over\n", 6),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n\\ No newline\n", 5),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -99999999999 +1 @@\n", 4),
    ],
)
def test_rubbish_is_refused_with_the_line_it_stands_on(text: str, line: int) -> None:
    with pytest.raises(MalformedDiff, match=f"at line {line}:") as caught:
        parse_diff(text)
    assert caught.value.line == line


@given(st.text(alphabet='diff -gtab/xy@+\\\n"0123,') | st.text())
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    for attempt in (
        text,
        f"diff --git a/x b/x\n{text}",
        f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n{text}",
    ):
        with suppress(MalformedDiff):
            parse_diff(attempt)


def test_hunks_alone_are_read_as_platforms_hand_them_out() -> None:
    (hunk,) = parse_hunks("@@ -1 +1,2 @@ class A:\n a\n+b")
    assert (hunk.section, [line.kind for line in hunk.lines]) == ("class A:", [LineKind.CONTEXT, LineKind.ADDED])
    with pytest.raises(MalformedDiff, match="a hunk was expected"):
        parse_hunks("rubbish")


_LINES = st.lists(
    st.sampled_from(["a\n", "b\n", "\n", "-- a/x\n", "++ b/x\n", "c\r\n", "\\ x\n", "@@ -1 +1 @@\n"]), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(before=_LINES, after=_LINES, cut=st.booleans())
def test_both_files_can_be_told_from_what_git_says(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str], cut: bool
) -> None:
    folder: Path = tmp_path_factory.getbasetemp()
    texts = {"before": "".join(before), "after": "".join(after).removesuffix("\n" if cut else "")}
    for name, text in texts.items():
        (folder / name).write_text(text, newline="")
    said = subprocess.run(
        ["git", "diff", "--no-index", "-U99", "before", "after"], cwd=folder, capture_output=True, check=False
    ).stdout.decode()
    if texts["before"] == texts["after"]:
        assert said == ""
        return
    lines = list(only(said).lines())
    for side, text in ((Side.LEFT, texts["before"]), (Side.RIGHT, texts["after"])):
        of_side = [line for line in lines if line.number(side) is not None]
        assert "".join(line.text + ("\n" if line.terminated else "") for line in of_side) == text
        assert [line.number(side) for line in of_side] == list(range(1, len(of_side) + 1))
