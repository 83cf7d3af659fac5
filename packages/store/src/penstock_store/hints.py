"""Hints: something may be there to do. They only shorten a wait: a lost one costs a poll, a false one costs a look."""

import asyncio
from enum import StrEnum
from typing import Protocol


class Hint(StrEnum):
    """What may have grown."""

    OUTBOX = "outbox"
    TIMERS = "timers"


class Hints(Protocol):
    def subscribe(self, hint: Hint, wake: asyncio.Event) -> None:
        """Sets `wake` soon after something was added, here or in another process. The subscriber clears it."""
        ...

    def unsubscribe(self, hint: Hint, wake: asyncio.Event) -> None: ...


class LocalHints:
    """Hints within one process, on the thread of its event loop."""

    def __init__(self) -> None:
        self._wakes: dict[Hint, list[asyncio.Event]] = {hint: [] for hint in Hint}

    def subscribe(self, hint: Hint, wake: asyncio.Event) -> None:
        self._wakes[hint].append(wake)

    def unsubscribe(self, hint: Hint, wake: asyncio.Event) -> None:
        self._wakes[hint].remove(wake)

    def give(self, hint: Hint) -> None:
        for wake in self._wakes[hint]:
            wake.set()
