"""What a suite needs to know of the adapter under test beyond the port."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.encoding import DEFAULT, StateEncoding
from penstock_store.ports import Store


class Reopen(Protocol):
    async def __call__(self, steps: Steps = NO_STEPS, encoding: StateEncoding = DEFAULT) -> Store:
        """A second store on the same tables: another process, or the same after a crash or with other settings."""
        ...


Later = Callable[[float], Awaitable[None]]
"""Returns when this many seconds have passed by the clock of the store."""
