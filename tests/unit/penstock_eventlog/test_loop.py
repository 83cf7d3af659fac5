"""The loop: order, bounds, back-pressure, commits."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock_contracts.enums import AnswerOutcome, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import AstCompleted, AstRequested, Fact
from penstock_contracts.ids import answer_id
from penstock_contracts.partitioner import partition_of
from penstock_eventlog.loop import Limits
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.outcomes import Emit, Outcome, Skip
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.work import InBatches
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import Delivered, Place
from tests.unit.penstock_eventlog.events import ast_requested, files_requested, pr_received
from tests.unit.penstock_eventlog.rig import GROUP, Rig


def head(event: Event[Fact]) -> str:
    assert isinstance(event.fact, AstRequested)
    return event.fact.head


async def answered(_: Event[Fact]) -> Outcome:
    return Emit((AstCompleted(),))


@dataclass
class Gate:
    """A handler that ends when it is told to."""

    begun: list[str] = field(default_factory=list)
    open: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    at_once: int = 0
    most: int = 0

    async def __call__(self, event: Event[Fact]) -> Outcome:
        self.begun.append(event.envelope.workflow_id + "/" + head(event))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.open[event.envelope.workflow_id].wait()
        finally:
            self.at_once -= 1
        return Emit((AstCompleted(),))


async def ok(_: Event[Fact]) -> Outcome:
    return Emit((AstCompleted(symbols=5),))


async def test_a_request_is_answered_and_its_position_committed() -> None:
    rig = Rig()
    await rig.say(ast_requested("run-1"))
    loop = rig.loop(ok)
    await rig.run(loop, lambda: rig.committed() == 1)
    (answer,) = rig.answers()
    assert answer.envelope.id == answer_id("run-1", Stage.AST, "", 1)
    assert isinstance(answer.fact, AstCompleted)
    assert (answer.fact.outcome, answer.fact.symbols) == (AnswerOutcome.OK, 5)
    assert rig.store.tables.deliveries == {}


async def test_records_of_one_key_are_handled_in_order_one_after_the_other() -> None:
    rig = Rig()
    order: dict[str, list[str]] = defaultdict(list)
    busy: set[str] = set()

    async def handler(event: Event[Fact]) -> Outcome:
        run = event.envelope.workflow_id
        assert run not in busy
        busy.add(run)
        await asyncio.sleep(0)
        order[run].append(head(event))
        busy.remove(run)
        return Emit((AstCompleted(),))

    await rig.say(*(ast_requested(f"run-{number % 5}", number) for number in range(50)))
    await rig.run(rig.loop(handler), lambda: rig.committed() == 50)
    for run in range(5):
        assert order[f"run-{run}"] == [f"head-{number}" for number in range(50) if number % 5 == run]


async def test_no_more_than_the_bound_are_handled_at_once() -> None:
    rig = Rig()
    gate = Gate()
    await rig.say(*(ast_requested(f"run-{number}") for number in range(20)))
    loop = rig.loop(gate, concurrency=3)
    await rig.step(loop, 10)
    assert gate.at_once == 3
    for event in [gate.open[f"run-{number}"] for number in range(20)]:
        event.set()
    await rig.run(loop, lambda: rig.committed() == 20)
    assert gate.most == 3


async def test_topics_that_are_spread_are_not_held_to_the_order_of_their_key() -> None:
    rig = Rig()
    begun: list[str] = []
    release = asyncio.Event()

    async def handler(event: Event[Fact]) -> Outcome:
        begun.append(event.envelope.part)
        await release.wait()
        return Skip("enough")

    await rig.say(*(files_requested("run", part) for part in range(48)))
    loop = rig.loop({"files.review.requested": handler}, concurrency=48, topics=("files.review.requested",))
    await rig.step(loop, 3)
    assert len(begun) == 48
    release.set()
    await rig.run(loop, lambda: rig.committed() == 48)


async def test_a_full_loop_pauses_keeps_polling_and_goes_on_when_half_is_finished() -> None:
    rig = Rig()
    gate = Gate()
    await rig.say(*(ast_requested(f"run-{number}") for number in range(40)))
    loop = rig.loop(gate, concurrency=4, limits=Limits(capacity=10, poll=5))
    await rig.step(loop, 20)
    held = set(gate.begun)
    assert len(held) == 4
    consumer = loop._consumer
    assert consumer is not None
    assert not await consumer.poll(100, 0.0), "everything is paused"
    for number in range(40):
        gate.open[f"run-{number}"].set()
    await rig.run(loop, lambda: rig.committed() == 40)


async def test_only_the_finished_prefix_is_committed() -> None:
    rig = Rig()
    gate = Gate()
    first = ast_requested("slow", 0)
    await rig.say(first)
    partition = next(record.partition for record in rig.said("ast.requested"))
    others = [f"run-{number}" for number in range(200)]
    await rig.say(*(ast_requested(run) for run in others))
    beside = [r for r in rig.said("ast.requested") if r.partition == partition]
    for run in others:
        gate.open[run].set()
    loop = rig.loop(gate, concurrency=50)
    await rig.run(loop, lambda: len(rig.answers()) == 200)
    await rig.step(loop, 3)
    assert rig.log.committed(GROUP).get(("ast.requested", partition), 0) == 0
    assert len(beside) > 1, "the test needs finished records behind the slow one"
    gate.open["slow"].set()
    await rig.run(loop, lambda: rig.committed() == 201)


async def test_what_a_lost_partition_held_is_dropped_and_handled_by_who_has_it_now() -> None:
    rig = Rig()
    mine, theirs = Gate(), Gate()
    runs = [f"run-{number}" for number in range(30)]
    await rig.say(*(ast_requested(run) for run in runs))
    first = rig.loop(mine, concurrency=30)
    await rig.step(first, 3)
    assert len(mine.begun) == 30
    rig.solitude = Solitude()  # the second loop is in another process
    second = rig.loop(theirs, concurrency=30)
    await rig.step(second, 2)
    await rig.step(first, 3)
    await rig.run(second, lambda: len(theirs.begun) > 5)
    for run in runs:
        mine.open[run].set()
        theirs.open[run].set()
    await rig.run(first, lambda: mine.at_once == 0)
    await rig.run(second, lambda: theirs.at_once == 0)
    await rig.step(first, 5)
    await rig.run(second, lambda: rig.committed() == 30)
    assert len(rig.answers()) == 30, "a dropped handler's outcome is not said"
    assert rig.store.tables.deliveries == {}


async def test_a_commit_that_was_under_way_while_its_partition_was_elsewhere_takes_nothing_back() -> None:
    rig = Rig(log=MemoryLog({"ast.requested": 2, "ast.completed": 1}))
    run = next(name for name in map(str, range(99)) if partition_of(name, None, 2) == 1)
    other = Rig(clock=rig.clock, log=rig.log)
    other.store = MemoryStore(rig.clock, tables=rig.store.tables)
    goes_on = asyncio.Event()
    forget = rig.store.deliveries.forget

    async def hanging(consumer: str, places: Sequence[Place]) -> None:
        await goes_on.wait()
        await forget(consumer, places)

    rig.store.deliveries.forget = hanging  # type: ignore[method-assign]
    await rig.say(ast_requested(run, 0))
    first = rig.loop(answered)
    await rig.run(first, rig.answers)
    await rig.step(first, 3)
    second = other.loop(answered)
    await rig.step(second)
    await rig.step(first)
    await rig.say(ast_requested(run, 1))
    await rig.run(second, lambda: rig.committed() == 2)
    await second.stop()
    await rig.step(first)
    goes_on.set()
    await rig.step(first, 5)
    assert rig.committed() == 2


async def test_a_batch_handler_gets_everything_in_order_one_batch_at_a_time() -> None:
    rig = Rig()
    batches: list[list[str]] = []

    async def handler(batch: Sequence[Delivered]) -> Sequence[Outcome]:
        batches.append([delivered.event.envelope.id for delivered in batch])
        return [Emit() for _ in batch]

    events = [pr_received("stream", number) for number in range(25)]
    await rig.say(*events)
    loop = rig.loop(InBatches(handler, longest_unit=10), topics=("pr.received",), group="penstock-orchestrator")
    await rig.run(loop, lambda: rig.committed("penstock-orchestrator") == 25)
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [one for batch in batches for one in batch] == [event.envelope.id for event in events]
