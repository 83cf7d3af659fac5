"""What goes wrong around and inside handlers, and what the loop makes of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, ConfigResolved, Fact
from penstock_contracts.flow import DLQ_TOPIC, EVENTS_TOPIC
from penstock_eventlog.budget import FEWEST
from penstock_eventlog.errors import HandlerStuck
from penstock_eventlog.groups import groups_of
from penstock_eventlog.loop import POINTS, Limits
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_eventlog.records import outbox_row_of
from penstock_eventlog.running import GRACE
from penstock_eventlog.work import InBatches
from penstock_runtime.steps import CrashAt, Crashed
from penstock_store.errors import StoreUnavailable
from penstock_store.rows import Delivered, NewOutboxRow
from tests.unit.penstock_eventlog.events import CODEC, ast_requested, garbage, noise, pr_received, record
from tests.unit.penstock_eventlog.rig import GROUP, Rig


async def ok(_: Event[Fact]) -> Outcome:
    return Emit((AstCompleted(),))


def the_answer(rig: Rig) -> AstCompleted:
    (answer,) = rig.answers()
    assert isinstance(answer.fact, AstCompleted)
    return answer.fact


async def dead_topics(rig: Rig) -> list[str]:
    return [row.topic for row in await rig.store.outbox.unsent(range(8), 100)]


# --- what handlers do ---


async def test_a_handler_that_raises_is_answered_as_an_unknown_failure() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        raise ValueError("what was that")

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    fact = the_answer(rig)
    assert (fact.outcome, fact.error_class) == (AnswerOutcome.FAILED, ErrorClassification.UNKNOWN)
    assert "what was that" in fact.error
    assert not await rig.store.dead_letters.letters()


async def test_something_else_whose_handler_raises_becomes_a_dead_letter() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        raise ValueError("what was that")

    await rig.say(pr_received("stream"))
    loop = rig.loop({"pr.received": handler}, topics=("pr.received",))
    await rig.run(loop, lambda: rig.committed() == 1)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.reason, letter.stream) == ("handler raised", "stream")
    assert await dead_topics(rig) == [DLQ_TOPIC]


async def test_a_request_seen_on_workflow_events_is_not_answered() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Failed(ErrorClassification.PERMANENT, "no")

    await rig.log.producer().send([replace(record(ast_requested("run")), topic=EVENTS_TOPIC)])
    loop = rig.loop(handler, topics=(EVENTS_TOPIC,))
    await rig.run(loop, lambda: rig.committed() == 1)
    assert not rig.answers()
    assert await dead_topics(rig) == [DLQ_TOPIC]


async def test_an_answer_of_the_wrong_type_is_the_handlers_failure() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Emit((ConfigResolved(),))

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    assert the_answer(rig).error_class is ErrorClassification.UNKNOWN


async def test_an_answer_that_weighs_too_much_becomes_a_permanent_failure() -> None:
    rig = Rig()

    async def handler(_: Event[Fact]) -> Outcome:
        return Emit((AstCompleted(blob="x" * 70_000),))

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    assert the_answer(rig).error_class is ErrorClassification.PERMANENT


async def test_a_handler_that_hangs_is_cancelled_and_answered_as_transient() -> None:
    rig = Rig()
    cancelled: list[bool] = []

    async def handler(_: Event[Fact]) -> Outcome:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return Emit()

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler, limits=Limits(handle=5)), lambda: rig.committed() == 1)
    assert cancelled
    assert the_answer(rig).error_class is ErrorClassification.TRANSIENT
    assert 5 <= rig.clock.elapsed < 10


@pytest.mark.parametrize(("hangs", "reasons"), [(1, []), (2, ["hung"])])
async def test_what_is_no_request_is_handled_once_more_when_it_took_too_long(hangs: int, reasons: list[str]) -> None:
    rig = Rig()
    begun: list[float] = []

    async def handler(_: Event[Fact]) -> Outcome:
        begun.append(rig.clock.elapsed)
        if len(begun) <= hangs:
            await asyncio.Event().wait()
        return Emit()

    await rig.say(pr_received("stream"))
    loop = rig.loop({"pr.received": handler}, topics=("pr.received",), limits=Limits(handle=5))
    await rig.run(loop, lambda: rig.committed() == 1)
    assert len(begun) == 2
    assert [letter.reason for letter in await rig.store.dead_letters.letters()] == reasons


async def test_a_handler_that_ignores_its_cancellation_ends_the_process() -> None:
    rig = Rig()
    release = asyncio.Event()

    async def handler(_: Event[Fact]) -> Outcome:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return Emit((AstCompleted(),))

    await rig.say(ast_requested("run"))
    loop = rig.loop(handler, limits=Limits(handle=5))
    with pytest.raises(HandlerStuck):
        await rig.run(loop, lambda: rig.clock.elapsed > 5 + GRACE + 10)
    release.set()
    await asyncio.sleep(0)


async def test_a_transient_failure_of_what_is_no_request_is_tried_again_and_then_given_up() -> None:
    rig = Rig()
    tries: list[float] = []

    async def handler(_: Event[Fact]) -> Outcome:
        tries.append(rig.clock.elapsed)
        return Failed(ErrorClassification.TRANSIENT, "not now")

    await rig.say(pr_received("stream"))
    loop = rig.loop({"pr.received": handler}, topics=("pr.received",))
    await rig.run(loop, lambda: rig.committed() == 1)
    assert len(tries) == 6
    assert tries[-1] - tries[0] > 1, "it waited in between"
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.reason == "failed: transient"


async def test_a_batch_whose_handler_raises_is_handled_one_by_one() -> None:
    rig = Rig()

    async def handler(batch: Sequence[Delivered]) -> Sequence[Outcome]:
        if any(delivered.event.envelope.stream == "bad" for delivered in batch):
            raise KeyError("bad")
        return [Emit() for _ in batch]

    await rig.say(*(pr_received(stream, 1) for stream in ("a", "b", "bad", "c")))
    loop = rig.loop(InBatches(handler), topics=("pr.received",))
    await rig.run(loop, lambda: rig.committed() == 4)
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.stream == "bad"


# --- what is away ---


async def test_who_cannot_count_does_not_handle() -> None:
    rig = Rig()
    handled: list[str] = []

    async def handler(event: Event[Fact]) -> Outcome:
        handled.append(event.envelope.id)
        return Emit((AstCompleted(),))

    await rig.say(ast_requested("run"))
    rig.store.go_away()
    loop = rig.loop(handler)
    await rig.step(loop, 20)
    assert not handled
    rig.store.come_back()
    await rig.run(loop, lambda: rig.committed() == 1)
    assert len(handled) == 1


async def test_a_handler_that_finds_the_store_away_is_asked_again() -> None:
    rig = Rig()
    tries: list[float] = []

    async def handler(_: Event[Fact]) -> Outcome:
        tries.append(rig.clock.elapsed)
        if len(tries) < 4:
            raise StoreUnavailable("away")
        return Emit((AstCompleted(),))

    await rig.say(ast_requested("run"))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 1)
    assert len(tries) == 4
    assert tries == sorted(tries)
    assert tries[-1] > tries[0]
    assert rig.store.tables.deliveries == {}


async def test_an_answer_that_is_not_acknowledged_holds_the_commit_back() -> None:
    rig = Rig()
    reached = asyncio.Event()

    async def handler(_: Event[Fact]) -> Outcome:
        rig.log.go_away()
        reached.set()
        return Emit((AstCompleted(),))

    await rig.say(ast_requested("run"))
    loop = rig.loop(handler)
    await rig.run(loop, reached.is_set)
    await rig.step(loop, 20)
    assert rig.committed() == 0
    rig.log.come_back()
    await rig.run(loop, lambda: rig.committed() == 1)
    assert len(rig.answers()) == 1


async def test_a_dead_letter_that_cannot_be_written_holds_the_commit_back() -> None:
    rig = Rig()
    await rig.log.producer().send([garbage(ast_requested("run"))])
    rig.store.go_away()
    loop = rig.loop(ok)
    await rig.step(loop, 20)
    assert rig.committed() == 0
    rig.store.come_back()
    await rig.run(loop, lambda: rig.committed() == 1)
    assert len(await rig.store.dead_letters.letters()) == 1


async def test_an_answer_the_log_refuses_for_good_becomes_a_dead_letter_and_the_others_go() -> None:
    rig = Rig()
    rig.log.refuse(lambda one: "too large" if one.topic == "ast.completed" and "bad" in one.stream else "")
    await rig.say(*(ast_requested(run) for run in ("a", "bad", "c")))
    await rig.run(rig.loop(ok), lambda: rig.committed() == 3)
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.run_id, letter.reason) == ("bad", "answer refused by the log")
    assert len(rig.answers()) == 2


async def test_when_most_records_end_as_dead_letters_the_loop_leaves_instead_of_burying_them_all() -> None:
    rig = Rig()
    await rig.log.producer().send([noise("ast.requested", f"k{number}") for number in range(200)])
    loop = rig.loop(ok)
    await rig.run(loop, lambda: loop.halted)
    assert len(await rig.store.dead_letters.letters()) == FEWEST - 1
    assert rig.committed() < FEWEST
    assert loop._consumer is not None
    assert not loop._consumer.assigned(), "it left its group"
    await rig.step(loop, 3)
    await loop.stop()
    assert len(await rig.store.dead_letters.letters()) == FEWEST - 1


# --- what dies ---


async def run_until_finished(rig: Rig, total: int) -> None:
    """A fresh process each time the one before has died."""
    await rig.run(rig.loop(ok), lambda: rig.committed() == total)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 2])
async def test_a_crash_at_any_point_loses_nothing(point: str, nth: int) -> None:
    rig = Rig()
    await rig.say(*(ast_requested(f"run-{number}") for number in range(30)))
    loop = rig.loop(ok, steps=CrashAt(point, nth), limits=Limits(poll=10, commit=0.0))
    with pytest.raises(Crashed):
        await rig.run(loop, lambda: False, steps=60)
    await rig.died(loop)
    await run_until_finished(rig, 30)
    ids = [answer.envelope.id for answer in rig.answers()]
    assert len(set(ids)) == 30
    assert rig.store.tables.deliveries == {}


# --- orderly ends ---


async def test_an_orderly_end_finishes_what_it_can_and_takes_the_counts_of_the_rest_back() -> None:
    rig = Rig()
    forever = asyncio.Event()

    async def handler(event: Event[Fact]) -> Outcome:
        if event.envelope.workflow_id == "slow":
            await forever.wait()
        await asyncio.sleep(0)
        return Emit((AstCompleted(),))

    await rig.say(ast_requested("slow"), ast_requested("quick"))
    loop = rig.loop(handler, limits=Limits(stop=0.05))
    await rig.step(loop, 1)
    await loop.stop()
    assert [answer.envelope.workflow_id for answer in rig.answers()] == ["quick"]
    assert rig.committed() == 1
    assert rig.store.tables.deliveries == {}, "nobody died"
    await rig.run(rig.loop(ok), lambda: rig.committed() == 2)


async def test_an_orderly_end_while_everything_is_away_ends_all_the_same() -> None:
    rig = Rig()
    await rig.say(ast_requested("run"))
    loop = rig.loop(ok)
    await rig.step(loop, 1)
    rig.log.go_away()
    rig.store.go_away()
    await loop.stop()
    rig.log.come_back()
    rig.store.come_back()
    await rig.run(rig.loop(ok), lambda: rig.committed() == 1)


async def test_a_loop_that_never_began_can_be_stopped() -> None:
    await Rig().loop(ok).stop()


def test_a_row_is_all_that_is_needed_for_what_a_reconciler_finds() -> None:
    row = outbox_row_of(pr_received("stream"), CODEC)
    assert isinstance(row, NewOutboxRow)
    assert (row.topic, row.key, row.spread, row.stream) == ("pr.received", "stream", None, "stream")


def test_the_group_of_these_tests_is_that_of_the_flow_table() -> None:
    assert groups_of("ast") == {GROUP: ("ast.requested",)}
