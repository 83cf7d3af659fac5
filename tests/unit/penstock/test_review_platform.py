"""The platform of a working copy keeps what is said on it."""

import pytest

from penstock.reviewing.local_platform import ACCOUNT, WORKING_COPY, LocalPlatform
from penstock_platforms.errors import NotFound
from penstock_platforms.ports import InlineComment, PullRequest, PullRequestState, RepositoryRef, Verdict
from penstock_sources.fake import FakeSources

REPOSITORY = RepositoryRef("local", "here", "1", "working copy")


@pytest.fixture
def platform() -> LocalPlatform:
    sources = FakeSources()
    base = sources.commit("local", {"a": b"1\n"})
    head = sources.commit("local", {"a": b"2\n"}, (base,))
    words = ("A title", "", "Ada", "OWNER")
    pull = PullRequest(
        WORKING_COPY, head, base, "work", "main", *words, PullRequestState.OPEN, False, False, "", "", "main"
    )
    return LocalPlatform(sources, pull)


async def test_its_one_pull_request_is_the_range(platform: LocalPlatform) -> None:
    pull = await platform.pull_request(WORKING_COPY)
    assert [each async for each in platform.open_pull_requests(REPOSITORY)] == [pull]
    assert await platform.file(WORKING_COPY, "a", pull.base) == b"1\n"
    assert await platform.file(WORKING_COPY, "b", pull.base) is None
    assert b"\n-1\n+2\n" in await platform.diff(WORKING_COPY, pull.base, pull.head)


async def test_a_comment_is_read_back_edited_and_deleted(platform: LocalPlatform) -> None:
    said = await platform.create_comment(WORKING_COPY, "first")
    await platform.update_comment(WORKING_COPY, said.comment_id, "second")
    (read,) = await platform.comments(WORKING_COPY)
    assert (read.comment_id, read.author, read.body) == (said.comment_id, await platform.account(), "second")
    await platform.delete_comment(WORKING_COPY, said.comment_id)
    assert await platform.comments(WORKING_COPY) == ()
    with pytest.raises(NotFound):
        await platform.update_comment(WORKING_COPY, said.comment_id, "third")


async def test_a_review_is_read_back_with_its_comments(platform: LocalPlatform) -> None:
    comments = (InlineComment("a", 1, "one"), InlineComment("a", 2, "two"))
    review_id = await platform.submit_review(
        WORKING_COPY, commit="head", body="words", comments=comments, verdict=Verdict.REQUEST_CHANGES
    )
    (review,) = await platform.reviews(WORKING_COPY)
    assert (review.review_id, review.author, review.verdict) == (review_id, ACCOUNT, Verdict.REQUEST_CHANGES)
    first, second = await platform.review_comments(WORKING_COPY)
    assert [(each.review_id, each.line, each.body) for each in (first, second)] == [
        (review_id, 1, "one"),
        (review_id, 2, "two"),
    ]
    await platform.delete_review_comment(WORKING_COPY, first.comment_id)
    assert await platform.review_comments(WORKING_COPY) == (second,)
