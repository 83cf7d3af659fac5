"""`.penstock.yaml`: what holds, and what is said about the rest."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_changes.documents import ReviewConfig, encode_document
from penstock_changes.findings import Severity
from penstock_prepare.configuration import Written, read


def test_no_file_means_the_defaults_and_nothing_to_say() -> None:
    assert read(None) == ReviewConfig()


@pytest.mark.parametrize("raw", [b"", b"# only a comment\n", b"{}\n"])
def test_an_empty_file_means_the_defaults_too(raw: bytes) -> None:
    assert read(raw) == ReviewConfig()


def test_what_the_file_says_holds() -> None:
    config = read(b"drafts: true\nexclude: [docs/, '*.sql']\nrequest_changes_at: critical\nlanguage: pt-BR\n")
    assert config == ReviewConfig(
        drafts=True, exclude=("docs/", "*.sql"), request_changes_at=Severity.CRITICAL, language="pt-BR"
    )


def test_a_wrong_value_keeps_its_default_and_the_other_lines_hold() -> None:
    config = read(b"automatic: false\nmax_inline_comments: many\n")
    assert (config.automatic, config.max_inline_comments) == (False, 5)
    (notice,) = config.notices
    assert "max_inline_comments" in notice
    assert "default" in notice


def test_an_unknown_word_is_named() -> None:
    (notice,) = read(b"automatik: false\n").notices
    assert "`automatik` is not a setting" in notice


@pytest.mark.parametrize(
    "raw",
    [
        b"a: [",
        b"- just\n- a list\n",
        b"text",
        b"\xff\xfe\x00",
        b"1: 2",
        b"x" * 70_000,
        b"&a [*a]",
        b"!!python/name:os x",
    ],
)
def test_a_file_that_is_no_configuration_means_the_defaults_and_a_notice(raw: bytes) -> None:
    config = read(raw)
    assert len(config.notices) == 1
    assert config == ReviewConfig(notices=config.notices)


PIECES = (
    *(
        "automatic",
        "exclude",
        "batch_lines",
        "instructions",
        "language",
        "analysis_wait",
        "a",
        "true",
        "no",
        "null",
        "~",
    ),
    *(
        ": ",
        ":",
        "\n",
        " ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "|\n ",
        ">-\n ",
        "---\n",
        "%YAML 1.1\n",
        "#",
    ),
    *(
        "&a ",
        "*a",
        "<<: ",
        "!!bool ",
        "!!int ",
        "!!timestamp ",
        "!!binary ",
        "!!python/name:os ",
        "!x ",
        "=",
        "\t",
        "\\",
    ),
    *(
        "1:" * 300 + "1.5",
        "1" * 5000,
        "0x",
        ".nan",
        "2024-13-45",
        "{a,b}" * 20,
        "\\ud800",
        "\\UFFFFFFFF",
        "\\0",
        "\0",
        "é",
    ),
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text())
def test_whatever_stands_in_the_file_there_is_a_configuration(text: str) -> None:
    assert encode_document(read(text.encode()))


@given(st.binary(max_size=40))
def test_whatever_bytes_are_in_the_file_there_is_a_configuration(raw: bytes) -> None:
    assert encode_document(read(raw))


@pytest.mark.parametrize(
    "line",
    [
        "automatic: !!bool maybe",
        "batch_lines: " + "1:" * 300 + "1.5",
        'exclude: ["{1..100000}"]',
        'language: "\\ud800"',
    ],
)
def test_what_no_setting_can_be_keeps_its_default(line: str) -> None:
    config = read(line.encode())
    assert config == ReviewConfig(notices=config.notices)
    assert len(config.notices) == 1


def test_names_that_no_text_can_hold_are_told_as_well_as_they_can() -> None:
    assert "`?` is not a setting" in read(b'"\\ud800": 1').notices[0]


@pytest.mark.parametrize("nothing", ["", "~", "null", '""', "  # critical"])
def test_a_name_with_nothing_behind_it_means_its_default(nothing: str) -> None:
    assert read(f"request_changes_at: {nothing}\nexclude: {nothing}\n".encode()) == ReviewConfig()


def test_words_are_not_taken_for_something_else() -> None:
    config = read(b"language: no\nignore_titles: [1.0, yes, 2024-01-01]\ndrafts: yes\n")
    assert config == ReviewConfig(language="no", ignore_titles=("1.0", "yes", "2024-01-01"), drafts=True)


def test_mappings_that_merge_each_other_do_not_grow() -> None:
    levels = [f"l{level}: &l{level} {{<<: [{', '.join([f'*l{level - 1}'] * 9)}]}}" for level in range(1, 30)]
    assert len(read("\n".join(["l0: &l0 {x: 1}", *levels]).encode()).notices) == 10


def test_broken_yaml_is_told_with_its_line() -> None:
    assert "(line 3)" in read(b"automatic: true\ndrafts: true\nexclude: ]\n").notices[0]


def test_there_are_never_more_than_ten_notices() -> None:
    assert len(read("\n".join(f"word{index}: 1" for index in range(50)).encode()).notices) == 10


def test_the_file_knows_the_words_and_defaults_of_the_configuration() -> None:
    known = {
        field.name: getattr(ReviewConfig(), field.name) for field in fields(ReviewConfig) if field.name != "notices"
    }
    assert Written().model_dump() == known
