"""prepare.requested → config.resolved, with fakes for platform and repository."""

import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.enums import AnswerOutcome, ErrorClassification, PullRequestKind
from penstock_eventlog.outcomes import Failed, Skip
from penstock_platforms.errors import NotFound, PlatformError, RateLimited, ServerFailed
from penstock_platforms.ports import Permission, PullRequestState
from penstock_sources.errors import CommitNotFound, SourceError, SourceThrottled, SourceUnavailable
from tests.unit.penstock_prepare.support import FIRST, World

LIGHT_STAGES = [
    "ValidateNewCommits",
    "ResolveConfig",
    "ValidateConfig",
    "FetchChangedFiles",
    "LoadExternalContext",
    "FileContextGate",
    "FineTuning",
]


async def test_the_answer_says_what_was_read_and_what_is_to_review() -> None:
    world = World()
    base, head = world.opened()
    fact = await world.resolved()
    assert (fact.outcome, fact.head, fact.base, fact.base_ref) == (AnswerOutcome.OK, head, base, "main")
    (batch,) = world.batches(fact)
    assert batch.paths == ("shop/cart.py",)
    assert "+b = 3" in batch.diff
    assert world.blobs.data[fact.change_blob].decode() == batch.diff
    manifest = world.manifest(fact)
    assert (manifest.merge_base, manifest.clone_url) == (base, "https://git.example/acme/shop.git")
    assert [(file.path, file.language, file.added) for file in manifest.files] == [("shop/cart.py", "python", 1)]
    assert [stage.name for stage in fact.stages] == LIGHT_STAGES


async def test_preparing_twice_gives_the_same_answer() -> None:
    world = World()
    world.opened()
    assert await world.resolved() == await world.resolved()


async def test_a_closed_pull_request_is_only_said_to_be_closed() -> None:
    world = World()
    world.opened(state=PullRequestState.MERGED)
    fact = await world.resolved()
    assert (fact.outcome, fact.closed, fact.announce) == (AnswerOutcome.SKIPPED, True, False)
    assert [stage.name for stage in fact.stages] == LIGHT_STAGES[:1]
    assert world.sources.asked == []


async def test_the_configuration_comes_from_the_base_branch_and_not_from_the_change() -> None:
    world = World()
    _, head = world.opened()
    world.reader.files[head, ".penstock.yaml"] = b"automatic: false\n"
    assert (await world.resolved()).outcome is AnswerOutcome.OK


async def test_a_bad_configuration_stops_nothing_and_is_told() -> None:
    world = World()
    world.opened()
    world.configured("exclude: ]\n")
    fact = await world.resolved()
    assert fact.outcome is AnswerOutcome.OK
    assert "not valid YAML" in world.config(fact).notices[0]


async def test_automatic_review_that_is_off_is_skipped_unless_somebody_asks() -> None:
    world = World()
    world.opened()
    world.configured("automatic: false\n")
    fact = await world.resolved()
    assert (fact.outcome, fact.reason, fact.announce) == (AnswerOutcome.SKIPPED, "automatic review is off", False)
    assert (await world.resolved(PullRequestKind.COMMAND)).outcome is AnswerOutcome.OK


@pytest.mark.parametrize("permission", [Permission.NONE, Permission.READ])
async def test_a_command_of_somebody_who_may_not_write_is_refused_silently(permission: Permission) -> None:
    world = World()
    world.opened()
    world.reader.permissions["mallory"] = permission
    fact = await world.resolved(PullRequestKind.COMMAND, command="review", sender="mallory")
    assert (fact.outcome, fact.announce) == (AnswerOutcome.SKIPPED, False)
    assert "mallory may not write" in fact.reason


async def test_nothing_to_review_is_skipped_and_announced_with_what_was_left_out() -> None:
    world = World()
    world.opened(FIRST | {"package-lock.json": b"{}\n"})
    fact = await world.resolved()
    assert (fact.outcome, fact.reason, fact.announce) == (AnswerOutcome.SKIPPED, "no reviewable changes", True)
    assert [(left.path, left.reason) for left in world.manifest(fact).not_reviewed] == [
        ("package-lock.json", "generated")
    ]


async def test_the_change_is_what_the_branch_did_since_it_left_its_target() -> None:
    world = World()
    base, head = world.opened()
    ahead = world.commit(FIRST | {"elsewhere.py": b"x = 1\n"}, base)
    world.show(ahead, head)
    fact = await world.resolved()
    assert [path for batch in world.batches(fact) for path in batch.paths] == ["shop/cart.py"]
    assert world.manifest(fact).merge_base == base


async def test_branches_without_common_history_fail_for_good() -> None:
    world = World()
    world.opened()
    world.show(world.commit({"other.py": b"x = 1\n"}), world.reader.pull.head)
    outcome = await world.prepare()
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClassification.PERMANENT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimited("slow down", retry_after=30.0), (ErrorClassification.RATE_LIMITED, 30.0)),
        (ServerFailed("oops", status=502), (ErrorClassification.TRANSIENT, None)),
        (NotFound("pull", status=404), (ErrorClassification.TRANSIENT, 5.0)),
    ],
)
async def test_a_platform_s_failure_is_classified_by_its_type(
    error: PlatformError, expected: tuple[ErrorClassification, float | None]
) -> None:
    world = World()
    world.opened()
    world.reader.fails.append(error)
    outcome = await world.prepare()
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.retry_after) == expected


async def test_what_the_platform_still_has_not_on_the_second_attempt_is_not_there() -> None:
    world = World()
    world.opened()
    world.reader.fails.append(NotFound("pull", status=404))
    outcome = await world.prepare(attempt=2)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClassification.PERMANENT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SourceUnavailable("away"), ErrorClassification.TRANSIENT),
        (SourceThrottled("slower"), ErrorClassification.RATE_LIMITED),
        (CommitNotFound("abc"), ErrorClassification.TRANSIENT),
    ],
)
async def test_a_repository_s_failure_is_classified_and_a_new_commit_may_lag(
    error: SourceError, expected: ErrorClassification
) -> None:
    world = World()
    world.opened()
    world.sources.fail_next(error)
    outcome = await world.prepare()
    assert isinstance(outcome, Failed)
    assert outcome.error_class is expected


@pytest.mark.parametrize("times", [0, 1])
async def test_the_repository_is_not_read_for_what_is_no_longer_wanted(times: int) -> None:
    world = World()
    world.opened()
    world.executions.left = times
    assert isinstance(await world.prepare(), Skip)
    assert world.sources.asked == []


async def test_the_largest_answer_still_fits_into_an_event() -> None:
    world = World()
    world.opened(FIRST | {f"folder/file-{index:04}.py": b"x = 1\n" for index in range(600)})
    world.configured("batch_files: 1\n")
    fact = await world.resolved()
    assert len(fact.manifest) == 300
    assert len(world.manifest(fact).not_reviewed) == 300
    assert len(Codec().encode_fact(fact)) < 64 * 1024
