"""Work that goes on beside the steps of a machine, one piece at a time."""

import asyncio
from collections.abc import Coroutine

from penstock_eventlog.ports import Bell


class Beside:
    """A step begins a piece, the bell rings when it has ended, and a later step takes what came of it."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._task: asyncio.Task[None] | None = None

    def free(self) -> bool:
        return self._task is None

    def begin(self, piece: Coroutine[None, None, None]) -> None:
        self._task = asyncio.ensure_future(piece)
        self._task.add_done_callback(lambda _: self._bell())

    def take(self) -> bool:
        """Whether a piece has ended since; raises what it raised."""
        if self._task is None or not self._task.done():
            return False
        task, self._task = self._task, None
        task.result()
        return True

    async def wait(self, limit: float) -> None:
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=limit)

    def abandon(self) -> None:
        if self._task is not None:
            self._task.cancel()
