"""What a report looks like in a terminal."""

from penstock.reviewing.as_text import COLOURS, Style, rendered
from penstock.reviewing.report import Report
from penstock_changes.documents import NotReviewed
from penstock_changes.findings import Category, Finding, Severity
from penstock_changes.model import Side
from penstock_contracts.facts import Usage

PLAIN = Style(width=80)


def finding(path: str = "a.py", line: int = 1, **fields: object) -> Finding:
    said: dict[str, object] = {
        "category": Category.BUG,
        "severity": Severity.LOW,
        "rule": "some-rule",
        "title": "Something",
        "message": "It is wrong.",
        "source": "ast",
    }
    return Finding(path=path, start_line=line, end_line=line, **(said | fields))  # type: ignore[arg-type]


def report(*findings: Finding, **fields: object) -> Report:
    return Report("base", "head", "Reviewed: as said", findings, **fields)  # type: ignore[arg-type]


def test_findings_stand_below_their_file_the_worst_first() -> None:
    text = rendered(
        report(
            finding("b.py", 9, severity=Severity.CRITICAL),
            finding("a.py", 7),
            finding("a.py", 2),
            finding("a.py", 30, severity=Severity.HIGH),
        ),
        PLAIN,
    )
    places = [line.split() for line in text.splitlines() if ".py" in line]
    assert places == [
        ["a.py"],
        ["high", "a.py:30"],
        ["low", "a.py:2"],
        ["low", "a.py:7"],
        ["b.py"],
        ["critical", "b.py:9"],
    ]


def test_a_whole_report_reads_from_top_to_bottom() -> None:
    text = rendered(
        report(
            finding(suggestion="a = 1\nb = 2\n"),
            opinions=("It does what it says.",),
            notes=("No model is configured.",),
            not_reviewed=(NotReviewed("x.png", "binary"), NotReviewed("y.png", "binary")),
            usage=Usage("tiny", 1, 10, 20),
            failure="the model was away",
        ),
        PLAIN,
    )
    assert text == (
        "a.py\n"
        "\n"
        "  low      a.py:1\n"
        "    Something\n"
        "    It is wrong.\n"
        "    suggestion:\n"
        "    | a = 1\n"
        "    | b = 2\n"
        "    some-rule · bug\n"
        "\n"
        "It does what it says.\n"
        "\n"
        "not reviewed: 2 files\n"
        "  binary: x.png, y.png\n"
        "\n"
        "note: No model is configured.\n"
        "\n"
        "Reviewed: as said.\n"
        "tiny: 1 call, 10 tokens in, 20 out\n"
        "A part of the review is missing: the model was away.\n"
    )


def test_lines_keep_within_the_terminal() -> None:
    text = rendered(report(finding(message="word " * 100)), Style(width=60))
    assert max(map(len, text.splitlines())) <= 60


def test_a_suggestion_is_never_wrapped_and_an_empty_one_removes() -> None:
    long = "x = " + "1 + " * 60 + "1"
    text = rendered(report(finding(suggestion=long), finding(line=2, suggestion="")), PLAIN)
    assert f"    | {long}\n" in text
    assert "    suggestion: remove it\n" in text


def test_a_finding_on_a_removed_line_says_so() -> None:
    assert "a.py:1 (removed)" in rendered(report(finding(side=Side.LEFT)), PLAIN)


def test_nothing_a_stranger_writes_moves_the_cursor_or_turns_the_text() -> None:
    hostile = "\x1b[2Jgone\r\x07\u202e"
    text = rendered(
        report(
            finding(f"{hostile}.py", title=hostile, message=hostile, suggestion=hostile, rule=hostile),
            opinions=(hostile,),
            notes=(hostile,),
            not_reviewed=(NotReviewed(hostile, hostile),),
            failure=hostile,
        ),
        PLAIN,
    )
    assert not set(text) & {"\x1b", "\r", "\x07", "\u202e"}
    assert "\\x1b[2Jgone" in text


def test_colours_stand_around_words_and_change_none() -> None:
    shown = report(finding(severity=Severity.HIGH, suggestion="a"), notes=("A note.",))
    coloured = rendered(shown, Style(80, COLOURS))
    assert "\x1b[31mhigh    \x1b[0m" in coloured
    for code in COLOURS.values():
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured.replace("\x1b[0m", "") == rendered(shown, PLAIN)


def test_of_many_paths_the_first_are_shown_and_the_rest_counted() -> None:
    entries = tuple(NotReviewed(f"{number:02}.png", "too_large") for number in range(25))
    text = rendered(report(not_reviewed=entries), PLAIN)
    assert "not reviewed: 25 files\n  too large: 00.png, " in text
    assert "09.png and 15 more" in text
