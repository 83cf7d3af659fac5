"""A record that ends its process: one test for each step of the counting that counting.py describes."""

import asyncio
from collections.abc import Sequence

import pytest

from penstock_contracts.codec import Codec
from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, Fact
from penstock_contracts.flow import DLQ_TOPIC
from penstock_eventlog.loop import Limits, Loop
from penstock_eventlog.outcomes import DeadLetter, Emit, Outcome
from penstock_eventlog.work import InBatches
from penstock_runtime.steps import Crashed
from penstock_store.rows import Delivered
from tests.unit.penstock_eventlog.events import ast_requested, files_requested, pr_received
from tests.unit.penstock_eventlog.rig import GROUP, Rig

POISON = "poison"
AT_ONCE = Limits(commit=0.0)
"""What has ended is known to have ended before the next can die."""


class Deadly:
    """Ends the process that handles the run `poison`; knows who was handled beside it."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.beside: list[set[str]] = []
        self._now: set[str] = set()

    async def __call__(self, event: Event[Fact]) -> Outcome:
        run = event.envelope.workflow_id
        self.handled.append(run)
        self._now.add(run)
        await asyncio.sleep(0)
        if run == POISON:
            self.beside.append(self._now - {POISON})
            self._now = set()
            raise Crashed
        self._now.discard(run)
        return Emit((AstCompleted(),))


async def die_once(rig: Rig, loop: Loop) -> None:
    with pytest.raises(Crashed):
        await rig.run(loop, lambda: False)
    await rig.died(loop)


async def test_what_was_handled_for_the_first_time_is_no_suspect() -> None:
    rig = Rig()
    deadly = Deadly()
    await rig.say(*(ast_requested(f"run-{number}") for number in range(8)))
    await rig.run(rig.loop(deadly), lambda: rig.committed() == 8)
    assert rig.store.tables.deliveries == {}


async def test_after_a_second_death_whatever_was_handled_both_times_is_handled_alone() -> None:
    rig = Rig()
    deadly = Deadly()
    await rig.say(*(ast_requested(run) for run in ("a", "b", POISON, "c")))
    for _ in range(2):
        await die_once(rig, rig.loop(deadly))
        assert deadly.beside[-1], "at first it is in company"
    await die_once(rig, rig.loop(deadly))
    assert deadly.beside[2] == set()


async def test_after_one_death_work_goes_on_beside_each_other_at_once() -> None:
    """A process that was killed for other reasons held long work: one by one it would take many times as long."""
    rig = Rig()
    deadly = Deadly()
    runs = [POISON, *(f"run-{number}" for number in range(7))]
    await rig.say(*(ast_requested(run) for run in runs))
    await die_once(rig, rig.loop(deadly, concurrency=8))
    at_once: list[int] = []
    under_way: set[str] = set()

    async def slow(event: Event[Fact]) -> Outcome:
        under_way.add(event.envelope.workflow_id)
        await asyncio.sleep(0)
        at_once.append(len(under_way))
        under_way.discard(event.envelope.workflow_id)
        return Emit((AstCompleted(),))

    await rig.run(rig.loop(slow, concurrency=8), lambda: rig.committed() == 8)
    assert max(at_once) == 8


async def test_what_only_waited_when_the_process_died_is_no_suspect() -> None:
    rig = Rig()
    deadly = Deadly()
    await rig.say(ast_requested(POISON), *(ast_requested(f"run-{number}") for number in range(20)))
    await die_once(rig, rig.loop(deadly, concurrency=21))
    suspects = len([count for count in rig.store.tables.deliveries.values() if count])
    assert suspects == 21
    other = Rig()
    await other.say(ast_requested(POISON), *(ast_requested(f"run-{number}") for number in range(20)))
    lone = Deadly()
    loop = other.loop(lone, concurrency=1, limits=AT_ONCE)
    while POISON not in lone.handled:
        await other.step(loop)
    with pytest.raises(Crashed):
        await other.step(loop, 3)
    assert len(other.store.tables.deliveries) == 1


async def deaths(rig: Rig, deadly: Deadly, number: int) -> None:
    for _ in range(number):
        await die_once(rig, rig.loop(deadly))


async def test_two_deaths_alone_are_not_enough() -> None:
    rig = Rig()
    deadly = Deadly()
    await rig.say(ast_requested(POISON))
    await deaths(rig, deadly, 4)
    await die_once(rig, rig.loop(deadly))
    assert deadly.handled == [POISON] * 5
    assert not rig.answers()


async def test_after_three_deaths_alone_it_is_answered_without_being_handled() -> None:
    rig = Rig()
    deadly = Deadly()
    await rig.say(ast_requested("a"), ast_requested(POISON), ast_requested("b"))
    await deaths(rig, deadly, 5)
    handled = deadly.handled.count(POISON)
    await rig.run(rig.loop(deadly), lambda: rig.committed() == 3)
    assert deadly.handled.count(POISON) == handled == 5
    assert {answer.envelope.workflow_id for answer in rig.answers()} == {"a", "b"}
    (letter,) = await rig.store.dead_letters.letters()
    assert (letter.reason, letter.run_id) == ("poison", POISON)
    rows = {row.topic: row for row in await rig.store.outbox.unsent(range(8), 10)}
    assert set(rows) == {DLQ_TOPIC, "ast.completed"}
    answer = Codec().decode(rows["ast.completed"].headers, rows["ast.completed"].value).fact
    assert isinstance(answer, AstCompleted)
    assert (answer.outcome, answer.error_class) == (AnswerOutcome.FAILED, ErrorClassification.POISON)
    assert rig.store.tables.deliveries == {}


async def test_a_suspect_that_waits_behind_the_poison_does_not_become_poison_itself() -> None:
    rig = Rig()
    deadly = Deadly()
    runs = [POISON, *(f"run-{number}" for number in range(12))]
    await rig.say(*(ast_requested(run) for run in runs))
    for _ in range(10):
        loop = rig.loop(deadly, concurrency=13, limits=AT_ONCE)
        try:
            await rig.run(loop, lambda: rig.committed() == 13)
        except Crashed:
            await rig.died(loop)
        else:
            break
    assert rig.committed() == 13
    (letter,) = await rig.store.dead_letters.letters()
    assert letter.run_id == POISON
    assert len(rig.answers()) == 12


async def test_a_suspect_that_survives_alone_is_forgotten() -> None:
    rig = Rig()
    await rig.say(ast_requested("victim"), ast_requested(POISON))
    await deaths(rig, Deadly(), 2)

    async def ok(_: Event[Fact]) -> Outcome:
        return Emit((AstCompleted(),))

    await rig.run(rig.loop(ok), lambda: rig.committed() == 2)
    assert rig.store.tables.deliveries == {}
    assert not await rig.store.dead_letters.letters()


async def test_orderly_ends_never_make_a_suspect() -> None:
    rig = Rig()
    forever = asyncio.Event()

    async def slow(_: Event[Fact]) -> Outcome:
        await forever.wait()
        return Emit()

    await rig.say(ast_requested("run"))
    for _ in range(6):
        loop = rig.loop(slow, limits=Limits(stop=0.01))
        await rig.step(loop, 2)
        assert set(rig.store.tables.deliveries.values()) == {1}
        await loop.stop()
        assert rig.store.tables.deliveries == {}


async def test_an_orderly_end_while_a_suspect_is_handled_is_no_death() -> None:
    rig = Rig()
    deadly = Deadly()
    await rig.say(ast_requested(POISON))
    await deaths(rig, deadly, 3)
    before = dict(rig.store.tables.deliveries)
    forever = asyncio.Event()

    async def slow(_: Event[Fact]) -> Outcome:
        await forever.wait()
        return Emit()

    loop = rig.loop(slow, limits=Limits(stop=0.01))
    await rig.step(loop, 4)
    await loop.stop()
    after = dict(rig.store.tables.deliveries)
    assert {key[0]: count for key, count in before.items()} == {GROUP: 3, f"{GROUP} alone": 1}
    assert after == before, "what it did before is not forgotten either"


async def test_a_suspect_is_alone_among_all_loops_of_its_process() -> None:
    rig = Rig()
    await rig.say(ast_requested(POISON))
    await deaths(rig, Deadly(), 2)
    await rig.say(files_requested("run", 1))
    beside: list[str] = []
    release = asyncio.Event()

    async def other(event: Event[Fact]) -> Outcome:
        beside.append(event.envelope.part)
        await release.wait()
        return Emit()

    alone: list[bool] = []

    async def suspect(_: Event[Fact]) -> Outcome:
        alone.append(True)
        return Emit((AstCompleted(),))

    second = rig.loop({"files.review.requested": other}, topics=("files.review.requested",), group="second")
    await rig.step(second, 3)
    assert beside == ["1"]
    first = rig.loop(suspect)
    await rig.step(first, 10)
    assert not alone, "another loop of this process is at work"
    await rig.say(files_requested("run", 2))
    await rig.step(second, 5)
    assert beside == ["1"], "nobody begins while a suspect waits"
    release.set()
    await rig.step(second, 3)
    await rig.run(first, lambda: alone)
    await rig.run(first, lambda: rig.committed() == 1)
    await rig.run(second, lambda: "2" in beside)


async def test_poison_of_the_orchestrator_stalls_its_stream() -> None:
    rig = Rig()
    stalled: list[tuple[str, str]] = []

    async def handler(batch: Sequence[Delivered]) -> Sequence[Outcome]:
        if any(delivered.event.envelope.stream == POISON for delivered in batch):
            raise Crashed
        return [Emit() for _ in batch]

    async def stall(delivered: Delivered, why: DeadLetter) -> Outcome:
        stalled.append((delivered.event.envelope.stream, why.reason))
        return Emit()

    def loop() -> Loop:
        return rig.loop(InBatches(handler, stall), topics=("pr.received",), group="penstock-orchestrator")

    await rig.say(*(pr_received(stream, 1) for stream in ("a", POISON, "b")))
    for _ in range(5):
        await die_once(rig, loop())
    await rig.run(loop(), lambda: rig.committed("penstock-orchestrator") == 3)
    assert stalled == [(POISON, "poison")]
    assert not await rig.store.dead_letters.letters(), "whoever stalls a stream writes the letter"
