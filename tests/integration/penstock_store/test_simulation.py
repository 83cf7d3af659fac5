"""The bounded form of the simulation on PostgreSQL; `python -m tests.sim --store postgres` runs more of it."""

from collections.abc import Iterator
from functools import partial

import pytest

from penstock.local.postgres import PostgresServer
from tests.sim.coverage import Coverage
from tests.sim.postgres_ground import PostgresGround, simulated_database
from tests.sim.simulation import Schedule, Simulator

RUNS = 15


@pytest.fixture
def simulator(postgres_server: PostgresServer) -> Iterator[Simulator]:
    with simulated_database(postgres_server.url()) as url:
        simulator = Simulator(Coverage(), partial(PostgresGround, url))
        yield simulator
        simulator.close()


def test_nothing_is_lost_and_nothing_is_said_twice_on_postgresql(simulator: Simulator) -> None:
    broken = {seed: simulator.broken(Schedule.drawn(seed)) for seed in range(RUNS)}
    assert {seed: found for seed, found in broken.items() if found} == {}
    assert simulator.coverage.outcomes["reviewed"] > RUNS / 2
