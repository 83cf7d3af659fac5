"""The bounded form of the simulation; `make sim` runs more of it."""

from collections.abc import Iterator

import pytest

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


def test_a_store_that_forgets_what_it_received_is_found_out(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge of the judge: without the inbox, what comes twice is done twice."""
    from penstock_store.memory import streams

    def forgetful(self: object, transaction: object, consumer: str, one: object, outcome: object) -> object:
        return outcome

    monkeypatch.setattr(streams._Transactions, "_receive", forgetful)
    assert any(simulator.broken(Schedule.drawn(seed)) for seed in range(20))
