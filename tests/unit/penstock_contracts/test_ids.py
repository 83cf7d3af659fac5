"""The keys that are made of where a pull request is."""

from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_contracts.facts import PullRequestRef
from penstock_contracts.ids import NAMESPACE, SEPARATOR, deterministic_id, ref_of, stream_of, subject_of


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=8))
def test_an_id_is_a_uuid5_over_its_parts(parts: list[str]) -> None:
    assert deterministic_id(*parts) == str(uuid5(NAMESPACE, SEPARATOR.join(parts)))


@pytest.mark.parametrize(
    "ref",
    [
        PullRequestRef("github", "github.com", "42", "acme/shop", 7),
        PullRequestRef("gitea", "127.0.0.1:3000", "1", "acme/shop", 1),
        PullRequestRef("gitlab", "git.example.org", "9", "group/sub/c#", 12),
    ],
)
def test_stream_and_subject_lead_back_to_the_pull_request(ref: PullRequestRef) -> None:
    assert ref_of(stream_of(ref), subject_of(ref)) == ref


@pytest.mark.parametrize(
    ("stream", "subject"),
    [
        ("", "github:acme/shop#1"),
        ("github:host:1:x", "github:acme/shop#1"),
        ("github:host:1:7", ""),
        ("s:1:2", "s:a#2"),
        ("s:1", "s:a#1"),
    ],
)
def test_what_is_not_of_a_pull_request_leads_to_none(stream: str, subject: str) -> None:
    assert ref_of(stream, subject) is None
