"""What every platform's client has to do, told against a forge. An adapter passes by subclassing `PlatformSuite`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from penstock_contracts.enums import ErrorClassification
from penstock_contracts.facts import PullRequestRef
from penstock_platforms.errors import (
    AnchorsRefused,
    AnswerLost,
    AnswerUnreadable,
    MaybeSent,
    NotAuthorised,
    NotFound,
    RateLimited,
    RequestRefused,
    ServerFailed,
)
from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_platforms.forge.model import Pull, Repository
from penstock_platforms.forge.server import Forge
from penstock_platforms.limits import Limits
from penstock_platforms.ports import (
    FileStatus,
    InlineComment,
    Permission,
    Platform,
    PullRequestState,
    RepositoryRef,
    Side,
    StatusState,
    Verdict,
)

BASE = {
    "app.py": "".join(f"line {number}\n" for number in range(1, 41)),
    "gone.py": "old\n",
    "name.py": "a\nb\nc\nd\ne\n",
    "README.md": "hello\n",
}
CHANGE = {
    "app.py": BASE["app.py"].replace("line 5\n", "line five\n").replace("line 30\n", "line thirty\nand more\n"),
    "gone.py": None,
    "new/ünïcode file.py": "x = 1\n",
}
MARKER = "<!-- penstock:suite -->"


@dataclass(frozen=True, slots=True)
class Scene:
    """A repository with one open pull request, and the client under test."""

    forge: Forge
    client: Platform
    hasty: Platform
    """The same with little patience."""
    repository: Repository
    pull: Pull

    @property
    def ref(self) -> PullRequestRef:
        return PullRequestRef("github", "forge", str(self.repository.id), self.repository.name, self.pull.number)


class PlatformSuite:
    """Subclasses give a fixture `scene`; everything below holds for each of them."""

    @pytest.fixture
    def scene(self) -> Scene:
        raise NotImplementedError

    # --- reading ---

    async def test_a_pull_request_is_read_whole(self, scene: Scene) -> None:
        read = await scene.client.pull_request(scene.ref)
        assert (read.head, read.base) == (scene.pull.head, scene.pull.base)
        assert (read.title, read.description, read.author) == ("Count to thirty", "Because.", "alice")
        assert (read.state, read.draft, read.is_fork) == (PullRequestState.OPEN, False, False)
        assert (read.base_ref, read.default_branch, read.ref) == ("main", "main", scene.ref)
        assert read.clone_url.endswith("/acme/shop.git")
        assert read.web_url.endswith(f"/acme/shop/pull/{scene.pull.number}")

    async def test_a_title_is_one_line_that_can_be_stored(self, scene: Scene) -> None:
        odd = await scene.forge.world.open_pull_request(scene.repository, title="a\0b\x1b\n c", files={"odd": "b"})
        ref = replace(scene.ref, number=odd.number)
        assert (await scene.client.pull_request(ref)).title == "a b c"

    async def test_a_head_in_another_repository_is_seen_as_a_fork(self, scene: Scene) -> None:
        opened = await scene.forge.world.open_pull_request(
            scene.repository, title="From afar", files={"a": "b"}, fork="mallory/shop", author="mallory"
        )
        ref = PullRequestRef("github", "forge", str(scene.repository.id), "acme/shop", opened.number)
        assert (await scene.client.pull_request(ref)).is_fork

    async def test_closed_and_merged_are_told_apart(self, scene: Scene) -> None:
        scene.forge.world.close(scene.repository, scene.pull)
        assert (await scene.client.pull_request(scene.ref)).state is PullRequestState.CLOSED
        pull = scene.forge.world.reopen(scene.repository, scene.pull)
        await scene.forge.world.merge(scene.repository, pull)
        assert (await scene.client.pull_request(scene.ref)).state is PullRequestState.MERGED

    async def test_a_file_is_read_at_the_commit_that_was_asked_for(self, scene: Scene) -> None:
        client, ref = scene.client, scene.ref
        assert await client.file(ref, "gone.py", scene.pull.base) == b"old\n"
        assert await client.file(ref, "gone.py", scene.pull.head) is None
        assert await client.file(ref, "new/ünïcode file.py", scene.pull.head) == b"x = 1\n"

    async def test_changed_files_tell_what_happened_to_each(self, scene: Scene) -> None:
        found = {each.path: each for each in await scene.client.changed_files(scene.ref)}
        assert {path: each.status for path, each in found.items()} == {
            "app.py": FileStatus.MODIFIED,
            "gone.py": FileStatus.REMOVED,
            "new/ünïcode file.py": FileStatus.ADDED,
        }
        assert (found["app.py"].additions, found["app.py"].deletions) == (3, 2)

    async def test_a_renamed_file_knows_its_old_name(self, scene: Scene) -> None:
        renamed = {"name.py": None, "other.py": "a\nb\nc\nd\nE\n"}
        await scene.forge.world.force_push(scene.repository, scene.pull, renamed)
        (changed,) = await scene.client.changed_files(scene.ref)
        assert (changed.status, changed.path, changed.previous_path) == (FileStatus.RENAMED, "other.py", "name.py")

    async def test_a_file_without_text_has_no_patch(self, scene: Scene) -> None:
        await scene.forge.world.force_push(scene.repository, scene.pull, {"pixel.png": b"\x89PNG\x00\x01"})
        (changed,) = await scene.client.changed_files(scene.ref)
        assert changed.patch is None

    async def test_more_files_than_a_page_holds_are_all_read(self, scene: Scene) -> None:
        await scene.forge.world.push(scene.repository, scene.pull, {f"many/{n}.txt": f"{n}\n" for n in range(230)})
        assert len(await scene.client.changed_files(scene.ref)) == 233

    async def test_the_diff_is_taken_from_the_merge_base(self, scene: Scene) -> None:
        tip = await scene.forge.world.push_branch(scene.repository, "main", {"README.md": "changed meanwhile\n"})
        diff = await scene.client.diff(scene.ref, tip, scene.pull.head)
        assert b"+line five" in diff
        assert b"changed meanwhile" not in diff

    async def test_permissions_are_told_per_person(self, scene: Scene) -> None:
        assert await scene.client.permission(scene.ref, "acme") is Permission.ADMIN
        assert await scene.client.permission(scene.ref, "carol") is Permission.WRITE
        assert await scene.client.permission(scene.ref, "stranger") is Permission.READ

    async def test_open_pull_requests_come_from_every_page(self, scene: Scene) -> None:
        for number in range(105):
            await scene.forge.world.open_pull_request(
                scene.repository, title=f"Number {number}", files={"n": f"{number}\n"}
            )
        scene.forge.world.close(scene.repository, scene.pull)
        repository = RepositoryRef("github", "forge", str(scene.repository.id), "acme/shop")
        numbers = [each.ref.number async for each in scene.client.open_pull_requests(repository)]
        assert len(numbers) == len(set(numbers)) == 105
        assert scene.pull.number not in numbers

    async def test_a_renamed_repository_is_read_and_written_though_another_took_its_name(self, scene: Scene) -> None:
        client, ref, head, world = scene.client, scene.ref, scene.pull.head, scene.forge.world
        world.rename_repository(scene.repository, "acme/store")
        other = await world.create_repository("acme/shop", {"README.md": "of others\n"})
        theirs = await world.open_pull_request(other, title="Theirs", files={"app.py": "x\n"})
        assert theirs.number == ref.number

        read = await client.pull_request(ref)
        assert (read.head, read.ref) == (head, replace(ref, repository="acme/store"))
        assert read.clone_url.endswith("/acme/store.git")
        assert await client.file(ref, "README.md", scene.pull.base) == b"hello\n"
        assert {each.path for each in await client.changed_files(ref)} == set(CHANGE)
        assert b"+line five" in await client.diff(ref, read.base, head)
        assert await client.permission(ref, "carol") is Permission.WRITE
        known = RepositoryRef("github", "forge", ref.repository_id, "acme/shop")
        assert [each.ref async for each in client.open_pull_requests(known)] == [read.ref]

        said = await client.create_comment(ref, "ours")
        await client.update_comment(ref, said.comment_id, "still ours")
        await client.submit_review(ref, commit=head, body="Seen.", comments=(InlineComment("app.py", 5, "here"),))
        await client.set_status(ref, head, state=StatusState.SUCCESS, context="penstock", description="seen")
        assert [each.body for each in await client.comments(ref)] == ["still ours"]
        assert [each.commit for each in await client.reviews(ref)] == [head]
        assert [each.path for each in await client.review_comments(ref)] == ["app.py"]
        assert [each.context for each in await client.statuses(ref, head)] == ["penstock"]
        assert {each.repository for each in scene.forge.ledger.entries()} == {"acme/store"}

    async def test_a_repository_that_is_gone_is_not_found_though_another_bears_its_name(self, scene: Scene) -> None:
        gone = replace(scene.ref, repository_id="987654321")
        with pytest.raises(NotFound) as raised:
            await scene.client.pull_request(gone)
        assert raised.value.classification is ErrorClassification.PERMANENT
        with pytest.raises(NotFound):
            await scene.client.create_comment(gone, "to nobody")
        assert not [each for each in scene.forge.ledger.entries() if each.landed]

    # --- the conversation ---

    async def test_comments_are_created_edited_and_deleted(self, scene: Scene) -> None:
        client, ref = scene.client, scene.ref
        created = await client.create_comment(ref, f"first {MARKER}")
        assert created.author == await client.account()
        await client.update_comment(ref, created.comment_id, f"second {MARKER}")
        assert [each.body for each in await client.comments(ref)] == [f"second {MARKER}"]
        await client.delete_comment(ref, created.comment_id)
        assert await client.comments(ref) == ()

    async def test_deleting_what_is_gone_is_no_error(self, scene: Scene) -> None:
        created = await scene.client.create_comment(scene.ref, "short-lived")
        await scene.client.delete_comment(scene.ref, created.comment_id)
        await scene.client.delete_comment(scene.ref, created.comment_id)
        assert await scene.client.comments(scene.ref) == ()

    async def test_two_hundred_and_fifty_comments_are_read_in_order_with_their_authors(self, scene: Scene) -> None:
        for number in range(250):
            author = "alice" if number % 2 else "bob"
            scene.forge.world.comment(scene.repository, scene.pull, author=author, body=f"number {number}")
        comments = await scene.client.comments(scene.ref)
        assert [each.body for each in comments] == [f"number {number}" for number in range(250)]
        assert {each.author for each in comments[1::2]} == {"alice"}

    # --- reviews ---

    async def test_a_review_is_one_write_with_all_its_comments(self, scene: Scene) -> None:
        said = (
            InlineComment("app.py", 5, f"why a word? {MARKER}"),
            InlineComment("app.py", 31, "two lines", start_line=30),
            InlineComment("gone.py", 1, "was it unused?", side=Side.LEFT),
        )
        review = await scene.client.submit_review(scene.ref, commit=scene.pull.head, body="Seen.", comments=said)
        assert [entry.kind for entry in scene.forge.ledger.entries()] == ["review.submitted"]
        (read,) = await scene.client.reviews(scene.ref)
        assert (read.review_id, read.body, read.commit) == (review, "Seen.", scene.pull.head)
        comments = await scene.client.review_comments(scene.ref)
        assert [(each.path, each.line, each.side, each.body) for each in comments] == [
            (each.path, each.line, each.side, each.body) for each in said
        ]
        assert {each.review_id for each in comments} == {review}

    @pytest.mark.parametrize(
        "bad",
        [
            InlineComment("app.py", 15, "between the hunks"),
            InlineComment("absent.py", 1, "no such file"),
            InlineComment("app.py", 31, "over two hunks", start_line=5),
            InlineComment("gone.py", 1, "nothing on this side"),
        ],
        ids=lambda bad: bad.body,
    )
    async def test_one_bad_place_refuses_the_whole_review(self, scene: Scene, bad: InlineComment) -> None:
        good = InlineComment("app.py", 5, "fine")
        with pytest.raises(AnchorsRefused) as raised:
            await scene.client.submit_review(scene.ref, commit=scene.pull.head, body="Seen.", comments=(good, bad))
        assert raised.value.classification is ErrorClassification.PERMANENT
        assert await scene.client.reviews(scene.ref) == ()
        assert await scene.client.review_comments(scene.ref) == ()

    async def test_another_refusal_of_a_review_is_not_taken_for_a_bad_place(self, scene: Scene) -> None:
        own = await scene.forge.world.open_pull_request(
            scene.repository, title="Mine", files={"a": "b"}, author=await scene.client.account()
        )
        ref = PullRequestRef("github", "forge", str(scene.repository.id), "acme/shop", own.number)
        with pytest.raises(RequestRefused) as raised:
            await scene.client.submit_review(ref, commit=own.head, body="Good.", verdict=Verdict.APPROVE)
        assert not isinstance(raised.value, AnchorsRefused)

    @pytest.mark.parametrize("verdict", list(Verdict))
    async def test_a_verdict_is_read_back_as_it_was_given(self, scene: Scene, verdict: Verdict) -> None:
        await scene.client.submit_review(scene.ref, commit=scene.pull.head, body="Said.", verdict=verdict)
        assert [each.verdict for each in await scene.client.reviews(scene.ref)] == [verdict]

    async def test_an_inline_comment_can_be_deleted_and_its_thread_resolved(self, scene: Scene) -> None:
        said = tuple(InlineComment("app.py", line, f"line {line}") for line in (5, 30))
        await scene.client.submit_review(scene.ref, commit=scene.pull.head, body="", comments=said)
        first, second = await scene.client.review_comments(scene.ref)
        await scene.client.delete_review_comment(scene.ref, first.comment_id)
        await scene.client.resolve_review_comment(scene.ref, second.comment_id)
        await scene.client.resolve_review_comment(scene.ref, second.comment_id)
        assert [each.comment_id for each in await scene.client.review_comments(scene.ref)] == [second.comment_id]
        assert len(scene.forge.ledger.entries(kind="thread.resolved")) == 1

    async def test_an_outdated_comment_keeps_its_commit_and_loses_its_line(self, scene: Scene) -> None:
        said = (InlineComment("app.py", 5, "soon gone"),)
        await scene.client.submit_review(scene.ref, commit=scene.pull.head, body="", comments=said)
        await scene.forge.world.force_push(scene.repository, scene.pull, {"README.md": "other\n"})
        (read,) = await scene.client.review_comments(scene.ref)
        assert (read.line, read.commit) == (None, scene.pull.head)

    # --- statuses ---

    async def test_every_status_is_listed_the_latest_first(self, scene: Scene) -> None:
        for state in (StatusState.PENDING, StatusState.PENDING, StatusState.SUCCESS):
            await scene.client.set_status(
                scene.ref, scene.pull.head, state=state, context="penstock", description=f"is {state}", url="http://x/"
            )
        read = await scene.client.statuses(scene.ref, scene.pull.head)
        assert [each.state for each in read] == [StatusState.SUCCESS, StatusState.PENDING, StatusState.PENDING]
        assert (read[0].context, read[0].description, read[0].url) == ("penstock", "is success", "http://x/")

    async def test_a_description_that_is_too_long_is_cut_and_not_refused(self, scene: Scene) -> None:
        await scene.client.set_status(
            scene.ref, scene.pull.head, state=StatusState.SUCCESS, context="penstock", description="word " * 60
        )
        (read,) = await scene.client.statuses(scene.ref, scene.pull.head)
        assert read.description.startswith("word word")

    # --- what goes wrong ---

    async def test_a_write_whose_answer_was_lost_is_found_by_probing(self, scene: Scene) -> None:
        scene.forge.faults.add(Fault(FaultKind.RESET_AFTER, method="POST"))
        with pytest.raises(MaybeSent) as raised:
            await scene.client.create_comment(scene.ref, f"hello {MARKER}")
        assert raised.value.classification is ErrorClassification.TRANSIENT
        assert [each.body for each in await scene.client.comments(scene.ref)] == [f"hello {MARKER}"]

    async def test_a_write_that_was_cut_before_it_was_handled_is_not_found(self, scene: Scene) -> None:
        scene.forge.faults.add(Fault(FaultKind.RESET_BEFORE, method="POST"))
        with pytest.raises(MaybeSent):
            await scene.client.submit_review(scene.ref, commit=scene.pull.head, body=MARKER)
        assert await scene.client.reviews(scene.ref) == ()

    @pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HANG_AFTER, FaultKind.TRUNCATE])
    async def test_a_write_without_a_whole_answer_may_have_been_sent(self, scene: Scene, kind: FaultKind) -> None:
        scene.forge.faults.add(Fault(kind, method="POST"))
        with pytest.raises(MaybeSent):
            await scene.hasty.create_comment(scene.ref, "hello")
        landed = [] if kind is FaultKind.HANG else ["hello"]
        assert [each.body for each in await scene.client.comments(scene.ref)] == landed

    @pytest.mark.parametrize("status", [408, 500, 502, 503])
    async def test_a_gateway_that_fails_says_nothing_about_the_write_behind_it(self, scene: Scene, status: int) -> None:
        scene.forge.faults.add(Fault(FaultKind.STATUS, status=status, times=2))
        with pytest.raises(MaybeSent):
            await scene.client.create_comment(scene.ref, "hello")
        with pytest.raises(ServerFailed) as raised:
            await scene.client.comments(scene.ref)
        assert raised.value.classification is ErrorClassification.TRANSIENT

    @pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
    async def test_a_read_that_was_cut_once_before_its_answer_is_answered(self, scene: Scene, kind: FaultKind) -> None:
        scene.forge.faults.add(Fault(kind, method="GET"))
        assert await scene.client.comments(scene.ref) == ()
        assert scene.forge.faults.fired == {kind: 1}

    async def test_a_read_that_is_cut_again_is_transient_and_no_write(self, scene: Scene) -> None:
        scene.forge.faults.add(Fault(FaultKind.RESET_AFTER, method="GET", times=2))
        with pytest.raises(AnswerLost) as raised:
            await scene.client.comments(scene.ref)
        assert not isinstance(raised.value, MaybeSent)

    @pytest.mark.parametrize("status", [403, 429])
    async def test_a_rate_limit_is_an_error_that_knows_its_end(self, scene: Scene, status: int) -> None:
        scene.forge.faults.add(Fault(FaultKind.RATE_LIMIT, status=status, seconds=37))
        with pytest.raises(RateLimited) as raised:
            await scene.client.create_comment(scene.ref, "hello")
        assert raised.value.retry_after == 37
        assert raised.value.classification is ErrorClassification.RATE_LIMITED
        assert await scene.client.comments(scene.ref) == ()

    async def test_a_used_up_hour_is_over_at_its_reset(self, scene: Scene) -> None:
        scene.forge.faults.add(Fault(FaultKind.EXHAUSTED, seconds=600))
        with pytest.raises(RateLimited) as raised:
            await scene.client.comments(scene.ref)
        assert raised.value.retry_after == pytest.approx(600, abs=5)

    async def test_a_plain_refusal_is_permanent(self, scene: Scene) -> None:
        scene.forge.faults.add(Fault(FaultKind.STATUS, status=403), Fault(FaultKind.STATUS, status=401))
        for _ in range(2):
            with pytest.raises(NotAuthorised) as raised:
                await scene.client.comments(scene.ref)
            assert raised.value.classification is ErrorClassification.PERMANENT

    async def test_what_is_not_there_is_not_found(self, scene: Scene) -> None:
        ref = PullRequestRef("github", "forge", str(scene.repository.id), "acme/shop", 999)
        with pytest.raises(NotFound):
            await scene.client.pull_request(ref)

    async def test_an_answer_that_is_too_big_is_not_read(self, scene: Scene) -> None:
        await scene.forge.world.push(scene.repository, scene.pull, {"big.bin": b"0" * 3_000_000})
        with pytest.raises(AnswerUnreadable):
            await scene.client.file(scene.ref, "big.bin", await _head(scene))


async def _head(scene: Scene) -> str:
    return (await scene.client.pull_request(scene.ref)).head


@asynccontextmanager
async def staged(forge: Forge, connect: Callable[[Limits], Platform]) -> AsyncIterator[Scene]:
    """The scene every test begins with; `connect` opens the client under test."""
    world = forge.world
    repository = await world.create_repository("acme/shop", BASE, permissions={"carol": "write"})
    pull = await world.open_pull_request(repository, title="Count to thirty", body="Because.", files=CHANGE)
    client, hasty = connect(Limits(answer=2_000_000)), connect(Limits(call=0.3, total=0.3))
    try:
        yield Scene(forge, client, hasty, repository, pull)
    finally:
        await client.aclose()
        await hasty.aclose()
