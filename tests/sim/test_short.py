"""The bounded form of the simulation; `make sim` runs more of it."""

from collections.abc import Iterator

import pytest

from tests.sim.coverage import Coverage
from tests.sim.fault import Fault
from tests.sim.order import unequal
from tests.sim.planted import FAULTS, first_shown, impatient
from tests.sim.simulation import WHOLE, Schedule, Simulator
from tests.sim.terms import Terms

RUNS = 100
ENOUGH = 150
PAIRS = 12
POINTS = 15
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


def test_another_order_and_doubles_end_in_the_same(simulator: Simulator) -> None:
    assert {seed: found for seed in range(PAIRS) if (found := unequal(simulator, seed, simulator.coverage))} == {}
    assert simulator.coverage.outcomes["(pairs in another order: equal)"] > PAIRS / 2


def test_what_depends_on_the_order_is_found(simulator: Simulator) -> None:
    (fault,) = (fault for fault in FAULTS if fault.instead is impatient)
    with fault.planted():
        assert any(unequal(simulator, seed, simulator.coverage) for seed in range(PAIRS))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_matters_is_found(simulator: Simulator, fault: Fault) -> None:
    assert first_shown(simulator, fault, range(ENOUGH)) is not None


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.brought_out], ids=lambda fault: fault.name)
def test_what_brings_a_fault_out_is_no_fault_itself(simulator: Simulator, fault: Fault) -> None:
    assert simulator.broken(Schedule(0, WHOLE, Terms(), 1, 0.0, fault.brought_out)) == []
