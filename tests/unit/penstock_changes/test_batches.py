import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_changes.batches import BatchLimits, LeftOutReason, Split, split
from penstock_changes.paths import PathFilter
from tests.unit.penstock_changes.diffs import added, changes, deleted

LIMITS = BatchLimits(files=2, changed_lines=10, file_lines=20, total_files=4)


def paths_of(made: Split) -> list[tuple[str, ...]]:
    return [batch.paths for batch in made.batches]


def test_a_batch_is_full_by_its_number_of_files() -> None:
    assert paths_of(split(changes(added("a"), added("b"), added("c")), LIMITS)) == [("a", "b"), ("c",)]


def test_a_batch_is_full_by_its_changed_lines() -> None:
    made = split(changes(added("a", 6), added("b", 5), added("c", 5)), LIMITS)
    assert [(batch.index, batch.paths, batch.changed_lines) for batch in made.batches] == [
        (0, ("a",), 6),
        (1, ("b", "c"), 10),
    ]


def test_a_file_larger_than_a_batch_stands_alone() -> None:
    assert paths_of(split(changes(added("a"), added("b", 15), added("c")), LIMITS)) == [("a",), ("b",), ("c",)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (deleted("f"), LeftOutReason.DELETED),
        (added("f", 21), LeftOutReason.TOO_LARGE),
        (added("go.sum"), LeftOutReason.GENERATED),
        (added("docs/f.md"), LeftOutReason.FILTERED),
        ("diff --git a/f b/f\nBinary files a/f and b/f differ\n", LeftOutReason.BINARY),
        ("diff --git a/f b/f\nold mode 100644\nnew mode 100755\n", LeftOutReason.UNCHANGED),
        (
            "diff --git a/f b/f\nnew file mode 120000\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n",
            LeftOutReason.SYMLINK,
        ),
        (
            "diff --git a/f b/f\nnew file mode 160000\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n",
            LeftOutReason.SUBMODULE,
        ),
    ],
)
def test_what_is_left_out_says_why(text: str, reason: LeftOutReason) -> None:
    made = split(changes(text), LIMITS, PathFilter(exclude=("docs/",)))
    assert made.batches == ()
    assert [left.reason for left in made.left_out] == [reason]


def test_files_beyond_the_limit_of_a_review_are_left_out() -> None:
    made = split(changes(*(added(name) for name in "abcdef")), LIMITS)
    assert paths_of(made) == [("a", "b"), ("c", "d")]
    assert [(left.path, left.reason) for left in made.left_out] == [
        ("e", LeftOutReason.TOO_MANY),
        ("f", LeftOutReason.TOO_MANY),
    ]


def test_a_file_that_became_another_kind_of_file_is_counted_once() -> None:
    made = split(changes(deleted("f"), added("f", 2)), LIMITS)
    assert (paths_of(made), made.left_out) == ([("f",)], ())


@given(st.permutations("abcdefg"), st.lists(st.integers(1, 30), min_size=7, max_size=7))
def test_every_file_is_accounted_for_once_whatever_the_order(order: list[str], sizes: list[int]) -> None:
    size_of = dict(zip("abcdefg", sizes, strict=True))
    made = split(changes(*(added(name, size_of[name]) for name in order)), LIMITS)
    reviewed = [path for batch in made.batches for path in batch.paths]
    assert sorted([*reviewed, *(left.path for left in made.left_out)]) == list("abcdefg")
    assert all(batch.changed_lines <= LIMITS.changed_lines or len(batch.paths) == 1 for batch in made.batches)
    assert made == split(changes(*(added(name, size_of[name]) for name in "abcdefg")), LIMITS)


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("*.md", "docs/deep/a.md", True),
        ("docs/", "docs/deep/a.md", True),
        ("docs/", "src/docs.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/x/y/a.py", True),
        ("src/*.py", "src/x/a.py", False),
        ("*.{js,ts}", "a/b.ts", True),
        ("/a.py", "a.py", True),
        ("/a.py", "x/a.py", False),
        ("/{a,b}.py", "b.py", True),
        ("/docs/", "docs/deep/a.md", True),
        ("/docs/", "x/docs/a.md", False),
        ("**/test_*", "x/test_a.py", True),
        (".github/**", ".github/x/y", True),
        ("Makefile", "makefile", False),
    ],
)
def test_a_pattern_means_what_people_expect(pattern: str, path: str, allowed: bool) -> None:
    assert PathFilter(include=(pattern,)).allows(path) is allowed
    assert PathFilter(exclude=(pattern,)).allows(path) is not allowed
