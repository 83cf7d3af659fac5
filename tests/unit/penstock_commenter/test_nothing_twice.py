"""Nothing is said twice: kills, lost answers, duplicates, frozen processes, refusals."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from penstock_commenter.identity import forgotten_id, summary_id
from penstock_contracts.enums import CommentsKind, ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsRequested
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_platforms.forge.faults import Fault, FaultKind
from penstock_runtime.steps import CrashAt, Crashed
from penstock_store.errors import StoreUnavailable
from penstock_store.rows import EffectState
from tests.unit.penstock_commenter.stage import TIMING, Overheard, Stagehand, answer_of, finding

POINTS = (
    "commenter.1.leased",
    "commenter.2.planned",
    "commenter.3.begun",
    "commenter.4.called",
    "commenter.5.settled",
    "commenter.6.answered",
)
REVIEWS = r"/pulls/\d+/reviews$"
COMMENTS = r"/issues/\d+/comments$"
STATUSES = r"/statuses/"
EDITS = r"/issues/comments/\d+$"


async def until_answered(stage: Stagehand, event: Event[CommentsRequested], holder: str = "commenter@b:1") -> Outcome:
    """Deliver again, as the orchestrator's timer would after each failed answer, until it is answered."""
    outcome: Outcome = Failed(ErrorClassification.UNKNOWN, "not delivered")
    for _ in range(6):
        outcome = await stage.process(holder).requested(event)
        if not isinstance(outcome, Failed):
            return outcome
        assert outcome.error_class in (ErrorClassification.TRANSIENT, ErrorClassification.RATE_LIMITED)
        stage.clock.advance((outcome.retry_after or 0.0) + 0.1)
    raise AssertionError(f"still failing: {outcome}")


def assert_said_once(stage: Stagehand, inline: int = 2) -> None:
    assert (len(stage.reviews()), len(stage.comments()), len(stage.inline())) == (1, 1, inline)
    assert stage.status() == "success"
    rows = stage.store.tables.effects.values()
    assert {row.state for row in rows if row.id != forgotten_id(stage.stream)} == {EffectState.SENT}


@pytest.mark.parametrize("holder", ["commenter@a:1", "commenter@b:1"], ids=["restarted", "replaced"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_the_redelivered_request_ends_with_exactly_one_of_each(
    stage: Stagehand, point: str, nth: int, holder: str
) -> None:
    event = await stage.review(finding(5), finding(30))
    steps = CrashAt(point, nth)
    crashes = nth == 1 or point not in ("commenter.1.leased", "commenter.6.answered")
    if crashes:
        with pytest.raises(Crashed):
            await stage.process("commenter@a:1", steps).requested(event)
    else:
        await stage.process("commenter@a:1", steps).requested(event)

    answer = answer_of(await until_answered(stage, event, holder))

    assert answer.comments == 2
    assert answer.review_id == str(stage.reviews()[0].id)
    assert_said_once(stage)


@pytest.mark.parametrize("second", POINTS[1:5])
@pytest.mark.parametrize("first", POINTS[1:5])
async def test_killed_twice_in_a_row_it_still_ends_with_exactly_one_of_each(
    stage: Stagehand, first: str, second: str
) -> None:
    event = await stage.review(finding(5), finding(30))
    for point, holder in ((first, "commenter@a:1"), (second, "commenter@b:1")):
        stage.clock.advance(TIMING.lease)
        with pytest.raises(Crashed):
            await stage.process(holder, CrashAt(point)).requested(event)
    stage.clock.advance(TIMING.lease)
    answer_of(await until_answered(stage, event, "commenter@c:1"))
    assert_said_once(stage)


@pytest.mark.parametrize("point", ["", *POINTS])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_what_a_killed_review_had_planned_and_nobody_says_any_more_is_closed(
    stage: Stagehand, nth: int, point: str
) -> None:
    """The run ends before anybody goes on with its review: no note of it may say for ever that it is under way."""
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    with pytest.raises(Crashed):
        await stage.process("commenter@a:1", CrashAt(POINTS[1], nth)).requested(await stage.review(finding()))
    closing = await stage.note(CommentsKind.CANCELLED, reason="alice asked for it")
    stage.clock.advance(TIMING.lease)
    if point:
        with pytest.raises(Crashed):
            await stage.process("commenter@a:1", CrashAt(point)).requested(closing)
        stage.clock.advance(TIMING.lease)

    await until_answered(stage, closing)

    assert stage.status() == "success"
    assert "cancelled" in stage.statuses()[-1].description
    (comment,) = stage.comments()
    assert ("1 finding" if nth == 3 else "cancelled: alice asked for it") in comment.body


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.RESET_BEFORE, FaultKind.TRUNCATE])
@pytest.mark.parametrize("path", [REVIEWS, COMMENTS, STATUSES], ids=["review", "summary", "status"])
async def test_a_lost_connection_leaves_exactly_one_of_each(stage: Stagehand, path: str, kind: FaultKind) -> None:
    stage.forge.faults.add(Fault(kind, method="POST", path=path))
    answer_of(await until_answered(stage, await stage.review(finding(5), finding(30))))
    assert_said_once(stage)
    assert len([each for each in stage.writes() if each.kind == "status.set"]) == 1


async def test_a_write_that_landed_is_found_at_once_and_not_waited_for(stage: Stagehand) -> None:
    stage.forge.faults.add(Fault(FaultKind.RESET_AFTER, method="POST", path=REVIEWS))
    outcome = await stage.process().requested(await stage.review(finding(5), finding(30)))
    assert isinstance(outcome, Emit)
    assert_said_once(stage)


async def test_a_write_that_may_still_land_is_not_sent_again_before_it_has_settled(stage: Stagehand) -> None:
    event = await stage.review(finding())
    stage.forge.faults.add(Fault(FaultKind.RESET_BEFORE, method="POST", path=REVIEWS))
    first = await stage.process().requested(event)
    assert isinstance(first, Failed)
    assert first.retry_after == pytest.approx(TIMING.doubt)

    stage.clock.advance(TIMING.doubt / 2)
    again = await stage.process().requested(event)
    assert isinstance(again, Failed)
    assert again.retry_after == pytest.approx(TIMING.doubt / 2)
    assert stage.reviews() == []

    stage.clock.advance(TIMING.doubt / 2)
    answer_of(await stage.process().requested(event))
    assert_said_once(stage, inline=1)


@pytest.mark.parametrize(("method", "path"), [("POST", STATUSES), ("PATCH", EDITS)], ids=["status", "summary"])
async def test_what_an_earlier_run_said_is_not_taken_for_a_write_that_may_still_land(
    stage: Stagehand, method: str, path: str
) -> None:
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    stage.forge.faults.add(Fault(FaultKind.RESET_BEFORE, method=method, path=path))
    outcome = await stage.process().requested(await stage.note(CommentsKind.PENDING, run="run-2", epoch=2))
    assert isinstance(outcome, Failed)
    assert outcome.retry_after == pytest.approx(TIMING.doubt)


async def test_a_summary_that_landed_after_it_was_given_up_is_edited_and_not_said_again(stage: Stagehand) -> None:
    await landed_after_it_was_given_up(stage)
    answer_of(await until_answered(stage, await stage.review(finding(5), finding(30))))
    assert_said_once(stage)


async def test_a_summary_that_landed_after_it_was_given_up_is_closed_with_its_run(stage: Stagehand) -> None:
    await landed_after_it_was_given_up(stage)
    answer_of(await until_answered(stage, await stage.note(CommentsKind.CANCELLED)))
    (summary,) = stage.comments()
    assert "cancelled" in summary.body.lower()


async def landed_after_it_was_given_up(stage: Stagehand) -> None:
    """The platform took it later than the settle delay allows, and whoever looked meanwhile found nothing."""
    note = await stage.note(CommentsKind.PENDING)
    with pytest.raises(Crashed):
        await stage.process("commenter@a:1", CrashAt("commenter.3.begun")).requested(note)
    stage.clock.advance(TIMING.lease)
    stage.forge.faults.add(Fault(FaultKind.RATE_LIMIT, method="POST", path=COMMENTS, seconds=60))
    assert isinstance(await stage.process("commenter@b:1").requested(note), Failed)
    late = stage.markers.sign("Reviewing", summary_id(stage.stream), 1000)
    stage.forge.world.comment(stage.repository, stage.pull, author="penstock-bot", body=late)


async def test_a_gateway_error_after_a_write_counts_as_perhaps_written(stage: Stagehand) -> None:
    stage.forge.faults.add(Fault(FaultKind.STATUS, method="POST", path=COMMENTS, status=502))
    answer_of(await until_answered(stage, await stage.review(finding(5), finding(30))))
    assert_said_once(stage)


async def test_a_redelivered_request_writes_nothing_and_answers_the_same(stage: Stagehand) -> None:
    event = await stage.review(finding(5), finding(30))
    first = answer_of(await stage.process().requested(event))
    written = len(stage.writes())
    second = answer_of(await stage.process("commenter@b:1").requested(event))
    assert len(stage.writes()) == written
    assert (second.review_id, second.comments, second.verdict) == (first.review_id, first.comments, first.verdict)


async def test_a_redelivery_after_the_head_moved_finds_its_review_and_does_not_ask_for_another(
    stage: Stagehand,
) -> None:
    event = await stage.review(finding())
    with pytest.raises(Crashed):
        await stage.process(steps=CrashAt("commenter.6.answered")).requested(event)
    await stage.push({"more.py": "x = 1\n"})
    answer = answer_of(await stage.process().requested(event))
    assert (answer.comments, answer.head) == (1, event.fact.head)
    assert len(stage.reviews()) == 1


@pytest.mark.parametrize("shared", [True, False], ids=["one process", "two processes"])
async def test_the_same_request_twice_at_once_is_carried_out_once(stage: Stagehand, shared: bool) -> None:
    event = await stage.review(finding(5), finding(30))
    first = stage.process("commenter@a:1")
    second = first if shared else stage.process("commenter@b:1")

    outcomes = await asyncio.gather(first.requested(event), second.requested(event))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Emit", "Failed"]
    assert_said_once(stage)


async def test_who_wants_to_write_too_fast_is_told_to_wait_and_nothing_is_in_doubt(stage: Stagehand) -> None:
    event = await stage.review(finding(5), finding(30))
    stage.forge.faults.add(Fault(FaultKind.RATE_LIMIT, method="POST", path=REVIEWS, seconds=77))
    outcome = await stage.process().requested(event)
    assert isinstance(outcome, Failed)
    assert (outcome.error_class, outcome.retry_after) == (ErrorClassification.RATE_LIMITED, 77.0)
    answer_of(await stage.process().requested(event))
    assert_said_once(stage)


@dataclass(slots=True)
class FreezeAt:
    """A process that is stopped at a point for a while, as by SIGSTOP, and then goes on as if nothing had been."""

    stage: Stagehand
    point: str
    seconds: float
    frozen: int = field(default=0)

    def reach(self, point: str) -> None:
        if point == self.point and not self.frozen:
            self.frozen += 1
            self.stage.clock.advance(self.seconds)

    def hold(self, count: int, holder: str = "") -> None:
        """Nobody asks."""


async def test_whoever_was_frozen_past_its_lease_does_not_write(stage: Stagehand) -> None:
    event = await stage.review(finding(5), finding(30))
    frozen = stage.process("commenter@a:1", FreezeAt(stage, "commenter.3.begun", TIMING.lease + 1))
    outcome = await frozen.requested(event)
    assert isinstance(outcome, Failed)
    assert stage.writes() == ()
    assert frozen.doubts.next_in() is not None
    answer_of(await until_answered(stage, event))
    assert_said_once(stage)


@dataclass(slots=True)
class EndedAsItWakes(FreezeAt):
    """Its call has landed; what it does next ends like this."""

    ending: BaseException = field(default_factory=asyncio.CancelledError)

    def reach(self, point: str) -> None:
        super(EndedAsItWakes, self).reach(point)
        if point == self.point:
            raise self.ending


@pytest.mark.parametrize("ending", [asyncio.CancelledError(), StoreUnavailable("it is away")])
async def test_whoever_landed_a_call_after_its_lease_looks_for_doubles_however_it_ends(
    stage: Stagehand, ending: BaseException
) -> None:
    event = await stage.review(finding(5))
    frozen = stage.process("commenter@a:1", EndedAsItWakes(stage, "commenter.4.called", TIMING.lease + 1, 0, ending))
    with pytest.raises(type(ending)):
        await frozen.requested(event)
    assert frozen.doubts.next_in() is not None


async def test_whoever_is_cancelled_under_its_lease_is_in_no_doubt(stage: Stagehand) -> None:
    event = await stage.review(finding(5))
    cancelled = stage.process("commenter@a:1", EndedAsItWakes(stage, "commenter.4.called", 1.0))
    with pytest.raises(asyncio.CancelledError):
        await cancelled.requested(event)
    assert cancelled.doubts.next_in() is None


async def test_whoever_was_frozen_before_it_began_takes_the_lease_again_or_leaves(stage: Stagehand) -> None:
    event = await stage.review(finding(5), finding(30))
    other = stage.process("commenter@b:1")

    class TakenOver(FreezeAt):
        pass

    steps = TakenOver(stage, "commenter.2.planned", TIMING.lease + 1)
    assert isinstance(await stage.process("commenter@a:1", steps).requested(event), Failed)
    answer_of(await other.requested(event))
    assert_said_once(stage)


async def test_a_copied_mark_of_somebody_else_does_not_pass_for_ours(stage: Stagehand) -> None:
    mark = stage.markers.of(summary_id(stage.stream))
    stage.forge.world.comment(stage.repository, stage.pull, author="mallory", body=f"hello\n\n{mark}")
    stage.forge.faults.add(Fault(FaultKind.RESET_BEFORE, method="POST", path=COMMENTS))
    answer_of(await until_answered(stage, await stage.review(finding())))
    assert [each.author for each in stage.comments()] == ["mallory", "penstock-bot"]


async def test_a_summary_that_somebody_deleted_is_said_anew(stage: Stagehand) -> None:
    commenter = stage.process()
    await commenter.requested(await stage.note(CommentsKind.PENDING))
    stage.forge.world.delete_comment(stage.repository, stage.comments()[0])
    await commenter.requested(await stage.review(finding()))
    assert "1 finding" in stage.comments()[0].body


async def test_the_time_a_summary_may_take_counts_from_where_it_is_created_also_after_an_edit_found_it_deleted(
    stage: Stagehand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever comes after a kill sends it again while the first may still land."""
    await stage.process().requested(await stage.note(CommentsKind.PENDING))
    stage.forge.world.delete_comment(stage.repository, stage.comments()[0])
    carry, slow = Overheard.handle_async_request, TIMING.call - 0.5

    async def slowly(self: Overheard, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            stage.clock.advance(slow)
        if request.method == "POST" and request.url.path.endswith("/comments"):
            raise Crashed("platform.asked")
        return await carry(self, request)

    monkeypatch.setattr(Overheard, "handle_async_request", slowly)
    event, began = await stage.review(), await stage.store.now()
    with pytest.raises(Crashed):
        await stage.process().requested(event)

    begun = stage.store.tables.effects[summary_id(stage.stream)]
    assert begun.state is EffectState.SENDING
    assert begun.sent_at is not None
    assert begun.sent_at - began >= timedelta(seconds=slow)


async def test_what_a_killed_run_may_have_said_is_known_before_the_next_run_speaks(stage: Stagehand) -> None:
    """The review of a run that was superseded while its answer was lost counts as said."""
    event = await stage.review(finding(5))
    with pytest.raises(Crashed):
        await stage.process("commenter@a:1", CrashAt("commenter.4.called")).requested(event)
    await stage.push({"more.py": "x = 1\n"})
    stage.clock.advance(TIMING.lease)

    answer = answer_of(
        await stage.process("commenter@b:1").requested(
            await stage.review(finding(5), finding(30), run="run-2", epoch=2)
        )
    )

    assert [each.line for each in stage.inline()] == [5, 30]
    assert answer.silenced == 1
