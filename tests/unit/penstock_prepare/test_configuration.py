"""`.penstock.yaml`: what holds, and what is said about the rest."""

from dataclasses import fields

import pytest

from penstock_changes.documents import ReviewConfig
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


def test_broken_yaml_is_told_with_its_line() -> None:
    assert "(line 3)" in read(b"automatic: true\ndrafts: true\nexclude: ]\n").notices[0]


def test_there_are_never_more_than_ten_notices() -> None:
    assert len(read("\n".join(f"word{index}: 1" for index in range(50)).encode()).notices) == 10


def test_the_file_knows_the_words_and_defaults_of_the_configuration() -> None:
    known = {
        field.name: getattr(ReviewConfig(), field.name) for field in fields(ReviewConfig) if field.name != "notices"
    }
    assert Written().model_dump() == known
