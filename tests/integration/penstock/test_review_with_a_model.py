"""`penstock review` with a model behind an address of its own."""

from collections.abc import Iterator

import jsonschema
import pytest

from tests.integration.penstock.chat_server import INPUT_TOKENS, OUTPUT_TOKENS, ChatServer, chat_server
from tests.integration.penstock.conftest import Review
from tests.integration.penstock.test_review_findings import SCHEMA
from tests.integration.penstock.working_copies import SINS, WorkingCopy

FINDING = {
    "path": "main.go",
    "start_line": 3,
    "end_line": 3,
    "category": "bug",
    "severity": "critical",
    "title": "Never ends",
    "message": "The loop has no condition.",
    "suggestion": "for i := 0; i < 3; i++ {}",
    "confidence": 0.8,
}


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as told:
        yield told


@pytest.fixture
def changed(copy: WorkingCopy) -> WorkingCopy:
    copy.write("main.go", "package main\n\nfor {}\n")
    copy.commit("Loop for ever")
    return copy


def test_what_the_model_finds_is_shown_with_what_it_cost(
    changed: WorkingCopy, review: Review, model: ChatServer
) -> None:
    model.findings = [FINDING]
    printed = review("--format", "json", environ=model.environ())
    jsonschema.validate(printed.document, SCHEMA, cls=jsonschema.Draft202012Validator)
    (found,) = printed.findings
    assert {name: found[name] for name in FINDING} == FINDING
    assert (found["source"], found["rule"], printed.code) == ("model", "model-bug", 1)
    assert printed.reasons() == {}
    assert printed.document["usage"] == {
        "model": "tiny-1",
        "calls": 2,  # the change as a whole, and its one batch of files
        "input_tokens": 2 * INPUT_TOKENS,
        "output_tokens": 2 * OUTPUT_TOKENS,
        "cost": 0.0,
    }


def test_rules_and_model_speak_in_one_text(changed: WorkingCopy, review: Review, model: ChatServer) -> None:
    changed.write("sins.py", SINS)
    model.findings = [FINDING]
    printed = review(environ=model.environ())
    assert "main.go:3" in printed.out
    assert "| for i := 0; i < 3; i++ {}" in printed.out
    assert "sins.py:4" in printed.out
    assert model.summary in printed.out
    assert "structural rules only" not in printed.out
    assert f"tiny-1: 2 calls, {2 * INPUT_TOKENS} tokens in, {2 * OUTPUT_TOKENS} out" in printed.out


def test_the_model_is_told_which_commits_it_looks_at(changed: WorkingCopy, review: Review, model: ChatServer) -> None:
    review(environ=model.environ())
    assert all("Loop for ever" in prompt for prompt in model.prompts)
    assert model.keys == {"Bearer key-of-a-test"}


def test_a_model_that_refuses_costs_the_part_and_the_exit_code_says_so(
    changed: WorkingCopy, review: Review, model: ChatServer
) -> None:
    changed.write("sins.py", SINS)
    model.status = 401
    printed = review("--format", "json", "--fail-on", "never", environ=model.environ())
    assert printed.code == 3
    assert len(printed.findings) == 3
    assert printed.reasons() == dict.fromkeys(("main.go", "sins.py"), "the review of this file failed")
    assert "permanent" in printed.document["summary"]
    assert "key-of-a-test" not in printed.out + printed.err


def test_a_model_that_is_not_there_is_tried_again_and_then_given_up(
    changed: WorkingCopy, review: Review, model: ChatServer
) -> None:
    nowhere = model.environ() | {"PENSTOCK_LLM_URL": "http://127.0.0.1:9/v1"}
    printed = review(environ=nowhere)
    assert printed.code == 3
    assert "attempt 3 of 3 failed (transient)" in " ".join(printed.out.split())


def test_settings_that_cannot_work_end_it_before_anything_is_asked(changed: WorkingCopy, review: Review) -> None:
    printed = review(environ={"PENSTOCK_LLM_KEY": "a-key"})
    assert (printed.code, printed.out) == (2, "")
    assert "PENSTOCK_LLM_MODEL is missing" in printed.err
    printed = review(environ={"PENSTOCK_LLM_MODLE": "tiny"})
    assert (printed.code, printed.out) == (2, "")
    assert "did you mean PENSTOCK_LLM_MODEL?" in printed.err


def test_a_review_that_its_budget_does_not_allow_is_partial_and_says_what_nobody_looked_at(
    changed: WorkingCopy, review: Review, model: ChatServer
) -> None:
    changed.write("sins.py", SINS)
    poor = model.environ() | {"PENSTOCK_LLM_REVIEW_TOKENS": "100"}
    printed = review("--format", "json", "--fail-on", "never", environ=poor)
    assert (printed.code, model.prompts) == (3, [])
    summary = printed.document["summary"]
    assert summary.startswith("Partly reviewed")
    assert summary.count("The model budget is spent. (for one review: 0 of 100 tokens are spent") == 2
    assert printed.reasons() == dict.fromkeys(("main.go", "sins.py"), "the review of this file failed")
    assert len(printed.findings) == 3, "the rules cost nothing"
