"""What a suite needs to know of the adapter under test beyond the port."""

from collections.abc import Awaitable, Callable

from penstock_runtime.steps import Steps
from penstock_store.ports import Store

Reopen = Callable[[Steps], Awaitable[Store]]
"""A second store on the same tables: another process, or the same after a crash."""

Later = Callable[[float], Awaitable[None]]
"""Returns when this many seconds have passed by the clock of the store."""
