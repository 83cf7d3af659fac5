import pytest

from penstock_changes.model import Side
from penstock_changes.suppression import Suppression, apply_suppressions, suppressions
from tests.unit.penstock_changes.findings import finding


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # penstock: ignore[a/b] known",
        "x(); // penstock: ignore[a/b] known",
        "x(); /* penstock: ignore[a/b] known */",
        "<p> <!-- penstock: ignore[a/b] known -->",
        "select 1 -- penstock: ignore[a/b] known",
        "x # noqa  penstock:ignore[ a/b ]: known",
        "{# penstock: ignore[a/b] known #} x",
    ],
)
def test_a_comment_of_any_language_silences_its_line(line: str) -> None:
    assert suppressions(["first", line, "third"]) == (Suppression(2, 2, ("a/b",), "known"),)


@pytest.mark.parametrize(
    "line",
    [
        'print("penstock: ignore")',
        "penstock: ignore",
        "# penstock: ignored",
        "# penstock: ignore-file",
        "# penstock ignore",
    ],
)
def test_what_is_no_such_comment_silences_nothing(line: str) -> None:
    assert suppressions([line]) == ()


def test_a_comment_on_its_own_line_silences_the_next_line_with_code() -> None:
    lines = ["# penstock: ignore[a] why", "# more words", "", "x = 1", "y = 2"]
    assert suppressions(lines) == (Suppression(4, 1, ("a",), "why"),)


def test_a_comment_at_the_end_of_a_file_silences_only_itself() -> None:
    assert suppressions(["x", "# penstock: ignore"]) == (Suppression(2, 2, (), ""),)


@pytest.mark.parametrize(
    ("declared", "rule", "covered"),
    [
        ("", "a/b", True),
        ("[a/b]", "a/b", True),
        ("[a/b]", "a/c", False),
        ("[x, a/b]", "a/b", True),
        ("[a/*]", "a/c", True),
        ("[a/*]", "b/c", False),
        ("[]", "a/b", True),
    ],
)
def test_only_the_rules_it_names_are_silenced(declared: str, rule: str, covered: bool) -> None:
    (found,) = suppressions([f"x = 1  # penstock: ignore{declared} why"])
    assert found.covers(rule) is covered


def test_findings_are_parted_into_kept_and_silenced() -> None:
    lines = {"a.py": ["x = 1  # penstock: ignore[one] fine", "y = 2", "z = 3  # penstock: ignore"], "b.py": ["x = 1"]}
    silent = [finding("a.py", 1, rule="one"), finding("a.py", 2, 3, rule="two")]
    loud = [finding("a.py", 1, rule="two"), finding("a.py", 2), finding("b.py", 1), finding("a.py", 3, side=Side.LEFT)]
    kept, silenced = apply_suppressions([*silent, *loud], lambda path: lines[path])
    assert kept == tuple(loud)
    assert [(each.finding, each.by.reason) for each in silenced] == [(silent[0], "fine"), (silent[1], "")]


@pytest.mark.parametrize(
    "line", ["#" * 200_000 + " penstock", "# penstock: ignore x" + " " * 200_000 + "x", "#penstock: " * 20_000]
)
def test_a_line_is_read_once_however_long_it_is(line: str) -> None:
    assert len(suppressions([line])) <= 1
