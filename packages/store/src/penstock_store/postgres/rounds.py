"""Statements that travel together: psycopg's pipeline sends every statement by itself, at once.

Here what is executed waits until a result is asked for or the pipeline ends, then all of it is handed to the kernel in
one piece. Handing it over, and waking the server for it, costs more than building it (bench/profiles/apply.txt).

Asking for a result ends the round with a Sync and not with a flush: only then does the server watch how long a
transaction stands idle, and a process that is frozen in the middle of one is cut off.
"""

from collections.abc import Generator
from typing import Any

from psycopg import AsyncConnection, AsyncPipeline
from psycopg.generators import send

Waiting = Generator[Any, Any, None]


class Rounds(AsyncPipeline):
    """Stands where a connection's pipeline stands. Overrides what psycopg does not promise to keep: were these steps
    renamed, statements would be sent one by one again, and bench/apply.py would show it."""

    def _communicate_gen(self) -> Waiting:
        """After every statement: nothing yet."""
        yield from ()

    def _fetch_gen(self, *, flush: bool) -> Waiting:
        if flush:
            self._enqueue_sync()
        while self.command_queue:
            self.command_queue.popleft()()
        yield from send(self.pgconn)
        yield from super()._fetch_gen(flush=False)

    def _exit_gen(self) -> Waiting:
        yield from self._fetch_gen(flush=True)


def in_rounds(connection: AsyncConnection[Any]) -> None:
    """The connection's next pipeline will be of this kind."""
    connection._pipeline = Rounds(connection)
