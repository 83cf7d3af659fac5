import pytest

from penstock_changes.anchors import Anchored, Anchors, Refusal, Refused
from penstock_changes.model import LineKind, Side
from tests.unit.penstock_changes.diffs import added, changes, deleted, modified

FIRST = "@@ -10,4 +10,5 @@\n ten\n-eleven\n+11\n+11.5\n twelve\n thirteen\n"
SECOND = "@@ -30,2 +31,2 @@\n thirty\n-thirty-one\n+31\n"
RENAMED = (
    "diff --git a/old.py b/new.py\nsimilarity index 90%\nrename from old.py\nrename to new.py\n"
    "--- a/old.py\n+++ b/new.py\n@@ -1,2 +1,2 @@\n same\n-x\n+y\n"
)
BINARY = "diff --git a/logo.png b/logo.png\nindex 1..2 100644\nBinary files a/logo.png and b/logo.png differ\n"


@pytest.fixture
def anchors() -> Anchors:
    return Anchors(changes(modified("app.py", FIRST, SECOND), added("made.py", 3), deleted("gone.py"), BINARY, RENAMED))


@pytest.mark.parametrize(
    ("path", "side", "start", "end"),
    [
        ("app.py", Side.RIGHT, 11, 11),
        ("app.py", Side.RIGHT, 10, 14),
        ("app.py", Side.LEFT, 10, 13),
        ("app.py", Side.LEFT, 11, 11),
        ("app.py", Side.RIGHT, 32, 32),
        ("made.py", Side.RIGHT, 1, 3),
        ("gone.py", Side.LEFT, 1, 2),
    ],
)
def test_a_range_inside_one_hunk_stands(anchors: Anchors, path: str, side: Side, start: int, end: int) -> None:
    place = anchors.check(path, side, start, end)
    assert isinstance(place, Anchored)
    assert (place.path, place.side, place.start_line, place.end_line) == (path, side, start, end)


@pytest.mark.parametrize(
    ("path", "side", "start", "end", "reason"),
    [
        ("other.py", Side.RIGHT, 1, 1, Refusal.UNKNOWN_FILE),
        ("app.py", Side.RIGHT, 9, 10, Refusal.OUTSIDE_HUNKS),
        ("app.py", Side.RIGHT, 14, 15, Refusal.OUTSIDE_HUNKS),
        ("app.py", Side.LEFT, 14, 14, Refusal.OUTSIDE_HUNKS),
        ("app.py", Side.RIGHT, 12, 31, Refusal.TWO_HUNKS),
        ("app.py", Side.RIGHT, 12, 11, Refusal.BACKWARDS),
        ("app.py", Side.RIGHT, 0, 0, Refusal.OUTSIDE_HUNKS),
        ("made.py", Side.LEFT, 1, 1, Refusal.NO_LINES),
        ("gone.py", Side.RIGHT, 1, 1, Refusal.NO_LINES),
        ("logo.png", Side.RIGHT, 1, 1, Refusal.NO_LINES),
    ],
)
def test_every_other_range_is_refused_with_its_reason(
    anchors: Anchors, *, path: str, side: Side, start: int, end: int, reason: Refusal
) -> None:
    assert anchors.check(path, side, start, end) == Refused(reason)


def test_an_unchanged_line_carries_both_numbers(anchors: Anchors) -> None:
    place = anchors.check("app.py", Side.RIGHT, 13, 13)
    assert isinstance(place, Anchored)
    assert (place.first.old_number, place.first.new_number) == (12, 13)


def test_a_renamed_file_is_found_by_its_new_path_and_knows_its_old_one(anchors: Anchors) -> None:
    place = anchors.check("new.py", Side.LEFT, 2, 2)
    assert isinstance(place, Anchored)
    assert (place.path, place.old_path) == ("new.py", "old.py")


@pytest.mark.parametrize(("wanted", "found"), [(1, 10), (12, 12), (20, 14), (29, 31), (500, 32)])
def test_the_nearest_line_is_found(anchors: Anchors, wanted: int, found: int) -> None:
    place = anchors.nearest("app.py", wanted)
    assert isinstance(place, Anchored)
    assert (place.start_line, place.end_line) == (found, found)


def test_of_two_equally_near_lines_the_changed_one_is_taken() -> None:
    anchors = Anchors(changes(modified("f", "@@ -1 +1 @@\n one\n", "@@ -2,0 +3,1 @@\n+three\n")))
    place = anchors.nearest("f", 2)
    assert isinstance(place, Anchored)
    assert place.first.kind is LineKind.ADDED


def test_there_is_no_nearest_line_where_there_are_no_lines(anchors: Anchors) -> None:
    assert anchors.nearest("logo.png", 1) == Refused(Refusal.NO_LINES)
    assert anchors.nearest("absent", 1) == Refused(Refusal.UNKNOWN_FILE)


def test_a_range_that_leaves_its_hunk_is_cut_to_the_longer_part(anchors: Anchors) -> None:
    place = anchors.fit("app.py", Side.RIGHT, 12, 31)
    assert isinstance(place, Anchored)
    assert (place.start_line, place.end_line) == (12, 14)
    assert anchors.fit("app.py", Side.RIGHT, 20, 25) == Refused(Refusal.OUTSIDE_HUNKS)
    assert anchors.fit("app.py", Side.RIGHT, 25, 20) == Refused(Refusal.BACKWARDS)


def test_a_file_that_became_a_link_can_be_commented_on_both_sides() -> None:
    link = "diff --git a/f b/f\nnew file mode 120000\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+target\n"
    anchors = Anchors(changes(deleted("f"), link))
    assert isinstance(anchors.check("f", Side.LEFT, 1, 2), Anchored)
    assert isinstance(anchors.check("f", Side.RIGHT, 1, 1), Anchored)
