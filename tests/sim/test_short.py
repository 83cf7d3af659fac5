"""The bounded form of the simulation; `make sim` runs more of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from penstock_commenter.carrier import Carrier
from penstock_commenter.finder import Landed
from penstock_eventlog.ports import Published
from penstock_eventlog.sinks import ProducerSink
from penstock_store.memory import streams
from penstock_store.rows import EffectRow, EffectState, Lease, OutboxRow
from tests.sim.coverage import Coverage
from tests.sim.simulation import Schedule, Simulator

RUNS = 200
POINTS = 20
"""Crash points that so few runs surely hit; a campaign hits all of them."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(Coverage())
    yield simulator
    simulator.close()


def test_nothing_is_lost_and_nothing_is_said_twice_whatever_happens_in_whatever_order(simulator: Simulator) -> None:
    broken = {seed: simulator.broken(Schedule.drawn(seed)) for seed in range(RUNS)}
    assert {seed: found for seed, found in broken.items() if found} == {}
    coverage = simulator.coverage
    assert len({point for blow, point in coverage.struck if blow == "crash"}) > POINTS
    assert {"reviewed", "partial", "superseded", "failed", "cancelled"} <= coverage.outcomes.keys()


def test_the_same_seed_gives_the_same_run(simulator: Simulator) -> None:
    def seen() -> dict[str, int]:
        coverage = Coverage()
        simulator.broken(Schedule.drawn(7), coverage)
        return dict(coverage.reached)

    assert seen() == seen()


def forgetful(self: object, transaction: object, consumer: str, one: object, outcome: object) -> object:
    """An inbox in which nothing is found again."""
    return outcome


async def hasty(self: Carrier, effects: Iterable[EffectRow]) -> None:
    """What a killed commenter left is sent again, and nobody looks whether it is there."""
    for effect in effects:
        if effect.state is EffectState.SENDING:
            await self._settle(effect, EffectState.PLANNED, Landed(effect.external_id, effect.url), effect.note)


async def marking_first(self: ProducerSink, rows: Sequence[OutboxRow], lease: Lease) -> Published:
    """A crash in between loses what was not published yet."""
    await self.mark([row.id for row in rows], lease)
    return await publish(self, rows, lease)


publish = ProducerSink.publish
FAULTS = [
    (streams._Transactions, "_receive", forgetful),
    (Carrier, "settle_leftovers", hasty),
    (ProducerSink, "publish", marking_first),
]


@pytest.mark.parametrize(("whose", "what", "fault"), FAULTS, ids=lambda each: getattr(each, "__name__", str(each)))
def test_a_fault_that_matters_is_found(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, whose: type, what: str, fault: Callable[..., object]
) -> None:
    monkeypatch.setattr(whose, what, fault)
    assert any(simulator.broken(Schedule.drawn(seed)) for seed in range(60))
