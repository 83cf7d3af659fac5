"""The timer scanner."""

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.facts import StageGivenUp
from penstock_eventlog.timers import APPLIED, POINTS, POLL, TimerScanner
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, CrashAt, Crashed, Steps
from penstock_store.memory.store import MemoryStore
from tests.support.toy_fold import ToyFold, received


class Desk:
    def __init__(self, fold: ToyFold | None = None) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.fold = fold or ToyFold(deadline=60)

    def scanner(self, steps: Steps = NO_STEPS) -> TimerScanner[object]:
        metrics = Metrics(CollectorRegistry())
        return TimerScanner(self.store, self.fold, clock=self.clock, metrics=metrics, steps=steps)  # type: ignore[arg-type]

    async def open(self, *streams: str) -> None:
        for stream in streams:
            await self.store.streams.apply("test", [received(f"event of {stream}", stream)], self.fold)

    async def given_up(self, stream: str) -> int:
        return sum(isinstance(event.fact, StageGivenUp) for event in await self.store.streams.facts(stream))


async def test_a_timer_that_is_due_is_applied_to_its_stream_once() -> None:
    desk = Desk()
    await desk.open("a", "b")
    scanner = desk.scanner()
    assert await scanner.step() == POLL
    assert await desk.given_up("a") == 0
    desk.clock.advance(61)
    for _ in range(5):
        await scanner.step()
    assert [await desk.given_up(stream) for stream in ("a", "b")] == [1, 1]


async def test_the_wait_ends_with_the_next_timer_and_is_never_longer_than_a_poll() -> None:
    desk = Desk()
    await desk.open("a")
    scanner = desk.scanner()
    assert await scanner.step() == POLL
    due = await desk.store.timers.next_due()
    assert due is not None
    desk.clock.advance((due - desk.clock.now()).total_seconds() - 0.25)
    assert await scanner.step() == pytest.approx(0.25)


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_at_any_point_fires_no_timer_twice_and_forgets_none(point: str) -> None:
    desk = Desk()
    await desk.open("a", "b", "c")
    desk.clock.advance(61)
    with pytest.raises(Crashed):
        await desk.scanner(CrashAt(point)).step()
    assert await desk.given_up("a") == (1 if point == APPLIED else 0)
    scanner = desk.scanner()
    for _ in range(3):
        await scanner.step()
    assert [await desk.given_up(stream) for stream in ("a", "b", "c")] == [1, 1, 1]


async def test_several_scanners_fire_a_timer_once() -> None:
    desk = Desk()
    await desk.open("a")
    desk.clock.advance(61)
    first, second = desk.scanner(), desk.scanner()
    for _ in range(3):
        await first.step()
        await second.step()
    assert await desk.given_up("a") == 1


async def test_while_the_store_is_away_the_scanner_waits_and_then_goes_on() -> None:
    desk = Desk()
    await desk.open("a")
    desk.clock.advance(61)
    desk.store.go_away()
    scanner = desk.scanner()
    first = await scanner.step()
    assert 0 < first < 1
    desk.clock.advance(first)
    desk.store.come_back()
    for _ in range(5):
        desk.clock.advance(await scanner.step())
    assert await desk.given_up("a") == 1


async def test_a_new_timer_rings_the_bell() -> None:
    desk = Desk()
    scanner = desk.scanner()
    await scanner.step()
    scanner.wake.clear()
    await desk.open("a")
    assert scanner.wake.is_set()
    await scanner.stop()
    scanner.wake.clear()
    await desk.open("b")
    assert not scanner.wake.is_set()
