"""A state machine of hypothesis that asks the store in memory and the one on PostgreSQL the same.

Both go by one clock that only the test moves, so that what expires does so in both.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, run_state_machine_as_test

from penstock_contracts.codec import Codec
from penstock_runtime.clock import ManualClock
from penstock_store.errors import StoreError
from penstock_store.memory import MemoryStore
from penstock_store.ports import Store
from tests.sim.ground import StoreClock
from tests.sim.postgres_ground import PostgresGround

Ask = Callable[[Store], Awaitable[Any]]


class AsksBoth(RuleBasedStateMachine):
    """Its rules ask. `url` is set by `play`."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = StoreClock(ManualClock())
        self.ground = PostgresGround(self.url, self.clock, Codec())

    @initialize()
    def open(self) -> None:
        self.model = MemoryStore(self.clock)
        self.runner.run(self.ground.open())
        self.real = self.runner.run(self.ground.store())

    def teardown(self) -> None:
        self.runner.run(self.ground.close())
        self.runner.close()

    def both(self, ask: Ask) -> Any:
        expected, found = (self.runner.run(_answer(ask, store)) for store in (self.model, self.real))
        assert found == expected
        return expected

    def pass_time(self, seconds: float) -> None:
        self.clock.world.advance(seconds)
        self.runner.run(self.ground.moved())


def play(machine: type[AsksBoth], url: str, *, examples: int, steps: int) -> None:
    """The same examples each time."""
    bounded = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    run_state_machine_as_test(type(machine.__name__, (machine,), {"url": url}), settings=bounded)


async def _answer(ask: Ask, store: Store) -> Any:
    """Or what it raises."""
    try:
        return await ask(store)
    except StoreError as error:
        return type(error), str(error)
