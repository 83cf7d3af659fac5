from collections.abc import Sequence

from penstock_changes.findings import Finding
from penstock_changes.fingerprints import fingerprint, with_fingerprints
from tests.unit.penstock_changes.findings import finding


def marks(text: str, *findings: Finding) -> list[str]:
    lines = text.split("\n")

    def lines_of(found: Finding) -> Sequence[str]:
        return lines[found.start_line - 1 : found.end_line]

    return [found.fingerprint for found in with_fingerprints(findings, lines_of)]


def test_a_finding_keeps_its_fingerprint_when_lines_shift() -> None:
    assert marks("x = 1", finding(start=1)) == marks("# new\n\nx = 1", finding(start=3))


def test_a_finding_keeps_its_fingerprint_when_white_space_changes() -> None:
    assert marks("if a:\n  b( 1 )", finding(start=1, end=2)) == marks("if a:\n\n\tb(1)\r", finding(start=1, end=3))


def test_the_second_occurrence_of_the_same_lines_differs_from_the_first() -> None:
    first, second = marks("x = 1\nx = 1", finding(start=1), finding(start=2))
    assert first != second


def test_occurrences_are_counted_from_the_top_in_whatever_order_findings_come() -> None:
    above, below = marks("x = 1\nx = 1", finding(start=1), finding(start=2))
    assert marks("x = 1\nx = 1", finding(start=2), finding(start=1)) == [below, above]


def test_path_rule_and_text_each_make_a_difference() -> None:
    assert len({
        fingerprint("a", "r", ["x"]),
        fingerprint("b", "r", ["x"]),
        fingerprint("a", "s", ["x"]),
        fingerprint("a", "r", ["y"]),
        fingerprint("a", "r", ["x"], 1),
        fingerprint("a", "r", ["x", "x"]),
    }) == 6  # fmt: skip


def test_a_fingerprint_never_changes_between_releases() -> None:
    assert fingerprint("src/app.py", "bug/off-by-one", ["for i in range(n + 1):"]) == "b1b8fe25ac7721e4cf83b7822437bf86"
