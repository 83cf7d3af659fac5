"""Housekeeping: one process at a time, a piece after the other, again after every rest."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_eventlog.housekeeping import HOUSEKEEPING, POINTS, TTL, Housekeeper, Piece
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, CrashAt, Crashed, Steps
from penstock_store.errors import StoreUnavailable
from penstock_store.memory.store import MemoryStore

EVERY = 600.0


@dataclass(slots=True)
class Heap:
    """A chore that takes two things away at a time."""

    name: str
    things: int
    diary: list[str]

    async def piece(self) -> Piece:
        self.diary.append(self.name)
        done = min(2, self.things)
        self.things -= done
        return Piece(done, more=self.things > 0)


class House:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.diary: list[str] = []
        self.store = MemoryStore(self.clock)
        self.metrics = Metrics(CollectorRegistry())
        self.heaps = [Heap("first", 3, self.diary), Heap("second", 1, self.diary)]

    def keeper(self, holder: str = "one", steps: Steps = NO_STEPS) -> Housekeeper:
        return Housekeeper(
            self.heaps,
            self.store.leases,
            holder=holder,
            clock=self.clock,
            metrics=self.metrics,
            every=EVERY,
            steps=steps,
        )


async def test_one_chore_is_through_before_the_next_begins_and_then_there_is_a_rest() -> None:
    house = House()
    keeper = house.keeper()

    waits = [await keeper.step() for _ in range(3)]

    assert house.diary == ["first", "first", "second"]
    assert waits == [0.0, 0.0, EVERY]
    assert not await house.store.leases.is_locked(HOUSEKEEPING)
    assert house.metrics.registry.get_sample_value("housekeeping_rows_total", {"chore": "first"}) == 3


async def test_after_the_rest_it_looks_again() -> None:
    house = House()
    keeper = house.keeper()
    for _ in range(3):
        await keeper.step()
    house.heaps[1].things = 1

    assert [await keeper.step() for _ in range(2)] == [0.0, EVERY]
    assert house.diary[3:] == ["first", "second"]


async def test_who_does_not_get_the_lease_leaves_it_to_the_other() -> None:
    house = House()
    one, two = house.keeper("one"), house.keeper("two")
    await one.step()

    assert await two.step() == EVERY
    assert house.diary == ["first"]


async def test_whoever_was_frozen_finds_the_lease_lost_and_leaves_the_rest_to_the_other() -> None:
    house = House()
    one, two = house.keeper("one"), house.keeper("two")
    await one.step()
    house.clock.advance(2 * TTL.total_seconds())
    await two.step()

    assert await one.step() == EVERY
    assert await two.step() == EVERY
    assert house.diary == ["first", "first", "second"]


@pytest.mark.parametrize("point", POINTS)
async def test_a_round_that_was_cut_off_is_taken_up_by_another_process(point: str) -> None:
    house = House()
    with pytest.raises(Crashed):
        await house.keeper("one", CrashAt(point)).step()
    house.clock.advance(TTL.total_seconds() + 1)

    other = house.keeper("two")
    while await other.step() == 0.0:
        pass

    assert [heap.things for heap in house.heaps] == [0, 0]
    assert house.diary == ["first", "first", "second"]


async def test_a_store_that_is_away_is_waited_for_and_the_same_piece_tried_again() -> None:
    house = House()
    keeper = house.keeper()
    await keeper.step()
    house.store.go_away()

    wait = await keeper.step()
    house.store.come_back()
    house.clock.advance(wait)
    await keeper.step()

    assert 0.0 < wait < EVERY
    assert house.diary == ["first", "first"]


async def test_an_orderly_end_gives_the_lease_back() -> None:
    house = House()
    keeper = house.keeper()
    await keeper.step()

    await keeper.stop()
    await house.keeper().stop()

    assert await house.store.leases.acquire(HOUSEKEEPING, "two", timedelta(seconds=1)) is not None


async def test_an_end_without_the_store_leaves_the_lease_to_expire() -> None:
    house = House()
    keeper = house.keeper()
    await keeper.step()
    house.store.go_away()

    await keeper.stop()

    with pytest.raises(StoreUnavailable):
        await house.store.check()
