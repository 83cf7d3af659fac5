"""What of a model's answer becomes a finding."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_changes.findings import Category, Severity
from penstock_llm_review.answers import read
from penstock_llm_review.errors import AnswerUnusable
from tests.unit.penstock_llm_review.support import answer, changes, finding


def test_a_right_finding_is_kept_with_a_fingerprint() -> None:
    reading = read(answer(finding()), changes())
    (found,) = reading.findings
    assert (found.path, found.start_line, found.category, found.severity) == (
        "shop/cart.py",
        4,
        Category.BUG,
        Severity.HIGH,
    )
    assert (found.rule, found.source, found.suggestion) == ("model-bug", "model", "        result += item.price or 0")
    assert len(found.fingerprint) == 32
    assert (reading.summary, reading.refused) == ("Sums prices.", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "elsewhere.py"},
        {"path": "../../etc/passwd"},
        {"start_line": 0},
        {"start_line": 900, "end_line": 901},
        {"start_line": 1, "end_line": 1},
        {"start_line": 5, "end_line": 4},
        {"category": "style"},
        {"severity": "blocker"},
        {"confidence": 7},
        {"title": ""},
        {"message": None},
        {"start_line": "soon"},
        {"title": "\ud800"},
    ],
)
def test_a_wrong_finding_is_refused_and_its_siblings_stay(wrong: dict[str, object]) -> None:
    reading = read(answer(finding(**wrong), finding(title="The good one")), changes())
    assert [found.title for found in reading.findings] == ["The good one"]
    assert reading.refused == 1


@pytest.mark.parametrize("item", [None, 3, "text", [], {}])
def test_what_is_no_finding_at_all_is_refused(item: object) -> None:
    reading = read(answer(item, finding()), changes())
    assert (len(reading.findings), reading.refused) == (1, 1)


def test_a_range_is_cut_to_the_diff_and_then_has_no_suggestion() -> None:
    (found,) = read(answer(finding(start_line=3, end_line=40)), changes()).findings
    assert (found.start_line, found.end_line, found.suggestion) == (3, 5, None)


def test_a_suggestion_that_would_write_a_placeholder_is_left_out() -> None:
    (found,) = read(answer(finding(suggestion="PASSWORD = '[redacted]'")), changes()).findings
    assert found.suggestion is None


def test_removed_lines_can_be_spoken_of_on_the_left_side() -> None:
    (found,) = read(answer(finding(side="left")), changes()).findings
    assert (found.side.value, found.suggestion) == ("LEFT", None)


def test_a_fenced_answer_is_read() -> None:
    assert len(read(f"Here it is:\n```json\n{answer(finding())}\n```\nBye", changes()).findings) == 1


def test_everything_before_the_cut_of_an_answer_is_kept() -> None:
    text = answer(finding(), finding(title="Second", category="performance"))
    reading = read(text[: text.rindex("confidence")], changes())
    assert [found.title for found in reading.findings] == ["Items without a price"]
    assert reading.summary == "Sums prices."


def test_the_same_said_twice_is_kept_once() -> None:
    assert len(read(answer(finding(), finding()), changes()).findings) == 1


def test_no_more_than_fifty_findings_are_kept() -> None:
    reading = read(answer(*(finding(title=f"Number {index}") for index in range(70))), changes())
    assert (len(reading.findings), reading.refused) == (50, 20)


def test_direction_marks_that_hide_text_are_taken_out() -> None:
    (found,) = read(answer(finding(title="a\u202eb\x07c")), changes()).findings
    assert found.title == "abc"


@pytest.mark.parametrize("text", ["", "no", "{}", "[]", '{"findings": 3}', '{"x": 1}', "{", '{"summary": "a'])
def test_an_answer_without_the_agreed_form_is_unusable(text: str) -> None:
    with pytest.raises(AnswerUnusable):
        read(text, changes())


FIELDS = ["path", "start_line", "title", "message", "category", "severity", "side", "x"]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS), inner),
)


@given(ANY_JSON)
def test_no_json_however_strange_breaks_the_reading(item: object) -> None:
    reading = read(json.dumps({"summary": item, "findings": [item, finding()]}), changes())
    assert len(reading.findings) == 1
