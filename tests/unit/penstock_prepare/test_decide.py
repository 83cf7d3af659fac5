"""Whether there is a review, and of what."""

import pytest

from penstock_ast.languages import GRAMMARS
from penstock_changes.documents import ReviewConfig
from penstock_contracts.enums import PullRequestKind, Stage
from penstock_prepare import change
from penstock_prepare.change import Change
from penstock_prepare.decide import (
    ANALYSED,
    MOST_BATCHES,
    Words,
    batch_document,
    batches,
    gate,
    manifest_hash,
    unwanted,
)
from penstock_sources.fake import unified_diff

OPENED = PullRequestKind.OPENED
WORDS = Words("Add prices", "Because.", "ada", draft=False)


def change_of(*paths: str) -> Change:
    return change.read(unified_diff({}, {path: f"{path}\n".encode() for path in paths}))


def test_a_plain_pull_request_is_reviewed() -> None:
    assert gate(WORDS, ReviewConfig(), OPENED) is None


@pytest.mark.parametrize(
    ("words", "config", "reason"),
    [
        (WORDS, ReviewConfig(automatic=False), "automatic review is off"),
        (Words("WIP", "", "ada", draft=True), ReviewConfig(), "draft"),
        (WORDS, ReviewConfig(ignore_titles=("PRICES",)), "the title says that no review is wanted"),
        (WORDS, ReviewConfig(ignore_titles=("add *",)), "the title says that no review is wanted"),
        (Words("Bump x", "", "Dependabot[bot]", draft=False), ReviewConfig(), "the author is not reviewed"),
    ],
)
def test_what_is_not_reviewed_by_itself_is_reviewed_by_command(words: Words, config: ReviewConfig, reason: str) -> None:
    refusal = gate(words, config, OPENED, ["dependabot[bot]"])
    assert refusal is not None
    assert refusal.reason == reason
    assert gate(words, config, PullRequestKind.COMMAND, ["dependabot[bot]"]) is None


def test_drafts_are_reviewed_where_the_configuration_says_so() -> None:
    assert gate(Words("t", "", "ada", draft=True), ReviewConfig(drafts=True), OPENED) is None


def test_a_title_pattern_with_a_wildcard_speaks_of_the_whole_title() -> None:
    assert gate(WORDS, ReviewConfig(ignore_titles=("prices*",)), OPENED) is None


def test_batches_carry_git_s_own_text_of_their_files() -> None:
    whole = change_of("a.py", "b.py", "c.py")
    found = batches(whole, ReviewConfig(batch_files=2))
    assert [batch.paths for batch in found.batches] == [("a.py", "b.py"), ("c.py",)]
    document = batch_document(found.batches[1], whole, WORDS)
    assert document.diff == unified_diff({}, {"c.py": b"c.py\n"})


def test_batches_that_do_not_fit_the_event_are_left_out_as_too_many() -> None:
    paths = tuple(f"f{index:03}.py" for index in range(MOST_BATCHES + 20))
    found = batches(change_of(*paths), ReviewConfig(batch_files=1))
    assert len(found.batches) == MOST_BATCHES
    assert {left.path: left.reason.value for left in found.left_out} == dict.fromkeys(paths[MOST_BATCHES:], "too_many")


def test_the_hash_of_the_manifest_depends_on_blobs_and_their_order() -> None:
    assert manifest_hash(["a", "b"]) == manifest_hash(["a", "b"])
    assert len({manifest_hash(each) for each in (["a", "b"], ["b", "a"], ["ab"], [])}) == 4


@pytest.mark.parametrize(
    ("config", "paths", "stages"),
    [
        (ReviewConfig(), ("a.py",), {}),
        (ReviewConfig(analysis=False), ("a.py",), {Stage.AST: "analysis is off"}),
        (ReviewConfig(), ("a.txt",), {Stage.AST: "no file with a grammar"}),
        (ReviewConfig(pr_review=False), ("a.py",), {Stage.PR_REVIEW: "review of the whole is off"}),
        (ReviewConfig(files_review=False), ("a.py",), {Stage.FILES_REVIEW: "review of the files is off"}),
    ],
)
def test_stages_that_are_not_needed_are_named_with_their_reason(
    config: ReviewConfig, paths: tuple[str, ...], stages: dict[Stage, str]
) -> None:
    assert {each.stage: each.reason for each in unwanted(config, change_of(*paths).files)} == stages


def test_the_languages_said_to_be_analysed_are_those_that_have_a_grammar() -> None:
    assert frozenset(GRAMMARS) == ANALYSED


def test_a_diff_is_cut_at_headers_only_and_loses_nothing() -> None:
    tricky = b"diff --git a/x b/x\n--- a/x\n@@ -1 +1 @@\n\x0cform feed\r\n"
    text = unified_diff({"a.txt": b"1\n"}, {"a.txt": tricky, "b.txt": b"2\n"})
    read = change.read(text)
    assert [file.path for file in read.files] == ["a.txt", "b.txt"]
    assert "".join(read.texts.values()) == text
