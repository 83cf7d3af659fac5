"""penstock db after-restore: what it plans, what it says, and when it refuses."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from penstock.operating.errors import NotUnderstood, StillAtWork
from penstock.operating.restoring import Elsewhere, after_restore, inputs, nobody_at_work, wanted
from penstock_contracts.flow import TOPIC_BY_NAME
from penstock_contracts.routing import SHARDS
from penstock_eventlog.kafka.positions import Move, Since
from penstock_eventlog.memory import MemoryLog
from penstock_runtime.clock import ManualClock
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import Lease, Place
from tests.suites.store.restoring import publish_all, webhook
from tests.support.toy_fold import ToyFold, received
from tests.support.waiting import eventually

MARGIN = timedelta(minutes=10)


@dataclass(slots=True)
class KnownPositions:
    """What a cluster would say, and what it was told."""

    members: list[str] = field(default_factory=list)
    wanted: Mapping[str, Mapping[str, Since]] = field(default_factory=dict)
    moved: list[Move] = field(default_factory=list)
    plans: Sequence[Move] = (
        Move("penstock-orchestrator", 40, Place("pr.received", 3, 28)),
        Move("penstock-orchestrator", 5, Place("ast.completed", 1, 9)),
        Move("penstock-ast", None, Place("ast.requested", 0, 7)),
    )

    async def at_work(self, groups: Sequence[str]) -> Sequence[str]:
        return [group for group in groups if group in self.members]

    async def plan(self, wanted: Mapping[str, Mapping[str, Since]]) -> Sequence[Move]:
        self.wanted = wanted
        return () if self.moved else self.plans

    async def move(self, moves: Sequence[Move]) -> None:
        self.moved += moves


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(clock: ManualClock) -> MemoryStore:
    """With a request that nobody has answered, and a webhook that nobody has heard of."""
    store = MemoryStore(clock)
    await store.streams.apply("orchestrator", [received("e1")], ToyFold())
    await store.receipts.receive("w1", webhook("w1"))
    await publish_all(store)
    return store


async def restored(
    store: MemoryStore, positions: KnownPositions | None, *, dry_run: bool = False, forced: bool = False
) -> str:
    out = io.StringIO()
    elsewhere = None if positions is None else Elsewhere(MemoryLog(), positions)
    assert await after_restore(store, elsewhere, MARGIN, out, dry_run=dry_run, forced=forced) == 0
    return out.getvalue()


def test_what_comes_from_outside_is_read_again_and_what_follows_from_it_is_passed_over(clock: ManualClock) -> None:
    since = clock.now()
    plan = wanted(since)
    assert set(inputs()) == {"pr.received", "workflow.control"}
    assert {topic for topics in plan.values() for topic, moment in topics.items() if moment == since} == set(inputs())
    passed = {topic for topics in plan.values() for topic, moment in topics.items() if moment is None}
    assert passed == set(TOPIC_BY_NAME) - set(inputs()) - {"workflow.events", "penstock.dlq"}


async def test_it_moves_positions_asks_again_and_remembers(store: MemoryStore) -> None:
    positions = KnownPositions()
    said = await restored(store, positions)
    moment = await store.restoring.moment()
    assert moment is not None
    assert positions.wanted["penstock-orchestrator"]["pr.received"] == moment - MARGIN
    assert positions.moved == list(positions.plans)
    topics = [row.topic for row in await store.outbox.unsent(range(SHARDS), 10)]
    assert topics == ["pr.received", "prepare.requested"]
    assert await store.restoring.was_restored()
    assert "pr.received: read again since" in said
    assert "12 records" in said
    assert "penstock-ast: 7 records of before are passed over" in said
    assert "ask again under the same ids: 1 prepare.requested" in said
    assert said.endswith("done: start the services\n")


async def test_a_dry_run_says_the_same_and_changes_nothing(store: MemoryStore) -> None:
    positions = KnownPositions()
    said = await restored(store, positions, dry_run=True)
    assert positions.moved == []
    assert await store.outbox.unsent(range(SHARDS), 10) == []
    assert not await store.restoring.was_restored()
    done = await restored(store, positions)
    assert said.splitlines()[:-1] == done.splitlines()[:-1]


async def test_a_second_time_there_is_nothing_left_to_do(store: MemoryStore) -> None:
    positions = KnownPositions()
    await restored(store, positions)
    rows = await store.outbox.unsent(range(SHARDS), 10)
    again = await restored(store, positions)
    assert await store.outbox.unsent(range(SHARDS), 10) == rows
    assert positions.moved == list(positions.plans)
    assert "0 to say again" in again
    assert "same ids: none" in again


async def test_it_refuses_while_somebody_holds_a_lease_unless_forced(store: MemoryStore) -> None:
    lease = await store.leases.acquire("relay:1", "host-7", timedelta(minutes=1))
    assert isinstance(lease, Lease)
    with pytest.raises(StillAtWork, match=r"relay:1 \(host-7\)"):
        await nobody_at_work(store, None, forced=False, patience=0.0)
    await nobody_at_work(store, None, forced=True, patience=0.0)


async def test_it_refuses_while_groups_have_members_also_when_forced(store: MemoryStore) -> None:
    elsewhere = Elsewhere(MemoryLog(), KnownPositions(members=["penstock-ast"]))
    with pytest.raises(StillAtWork, match="group penstock-ast"):
        await nobody_at_work(store, elsewhere, forced=True, patience=0.0)


async def test_what_it_waits_for_is_said_while_it_waits(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    lease = await store.leases.acquire("relay:1", "host-7", timedelta(minutes=1))
    assert lease is not None
    waiting = asyncio.create_task(nobody_at_work(store, None, forced=False, patience=30.0))
    heard = ""

    async def told() -> bool:
        nonlocal heard
        heard += capsys.readouterr().err
        return "at work: lease relay:1 (host-7)" in heard

    await eventually(told, what="who is at work to be named")
    await store.leases.release(lease)
    await waiting


async def test_the_plan_stands_there_before_it_is_carried_out(store: MemoryStore) -> None:
    out = io.StringIO()

    class Watched(KnownPositions):
        async def move(self, moves: Sequence[Move]) -> None:
            assert "penstock-ast: 7 records of before are passed over" in out.getvalue()
            await super().move(moves)

    positions = Watched()
    assert await after_restore(store, Elsewhere(MemoryLog(), positions), MARGIN, out, dry_run=False, forced=False) == 0
    assert positions.moved


async def test_where_the_log_lies_in_the_database_only_the_restoration_is_remembered(store: MemoryStore) -> None:
    lease = await store.leases.acquire("penstock:up", "host", timedelta(minutes=1))
    assert lease is not None
    await store.log.move("penstock-orchestrator", [Place("pr.received", 0, 1)], lease)
    await store.leases.release(lease)
    said = await restored(store, None)
    assert "came back with it" in said
    assert await store.outbox.unsent(range(SHARDS), 10) == []
    assert await store.restoring.was_restored()


async def test_brokers_that_were_forgotten_are_asked_for(store: MemoryStore) -> None:
    with pytest.raises(NotUnderstood, match="PENSTOCK_KAFKA_BOOTSTRAP is missing"):
        await restored(store, None)
    assert not await store.restoring.was_restored()
