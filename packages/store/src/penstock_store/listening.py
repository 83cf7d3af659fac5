"""Who hears what was stored: metrics and log lines about facts that are in the database, and only about those."""

from collections.abc import Callable, Sequence

from penstock_contracts.event import Event
from penstock_contracts.facts import Fact

Listener = Callable[[Sequence[Event[Fact]]], None]


class Listeners:
    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def tell(self, stored: Sequence[Event[Fact]]) -> None:
        if stored:
            for listener in self._listeners:
                listener(stored)
