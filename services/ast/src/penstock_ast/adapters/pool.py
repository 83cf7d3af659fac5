"""A pool of worker processes of our own: each has one file at a time, so that it is known which file killed it.

A worker that dies or takes too long is replaced, and its file is reported as failed; the others go on.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from penstock_ast.adapters.worker import LENGTH, pack
from penstock_ast.errors import WorkerLost
from penstock_ast.task import FileResult, FileState, FileTask, without_analysis

_log = logging.getLogger(__name__)
_COMMAND = ("-m", "penstock_ast.adapters.worker")


class ProcessPool:
    """At most `size` processes, started when they are first needed. Belongs to one loop."""

    def __init__(self, size: int, seconds: float, command: Sequence[str] = _COMMAND) -> None:
        self._seconds = seconds
        self._command = (*command, str(int(seconds) + 5))
        self._idle: list[asyncio.subprocess.Process] = []
        self._running: set[asyncio.subprocess.Process] = set()
        self._slots = asyncio.Semaphore(size)

    async def analyse(self, tasks: Sequence[FileTask]) -> Sequence[FileResult]:
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(self._one(task)) for task in tasks]
        return [each.result() for each in waiting]

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the processes that live."""
        return tuple(process.pid for process in self._running if process.returncode is None)

    async def close(self) -> None:
        """Ends every process."""
        for process in tuple(self._running):
            await self._end(process)

    async def _one(self, task: FileTask) -> FileResult:
        async with self._slots:
            process = self._waiting() or await self._start()
            answered = False
            try:
                async with asyncio.timeout(self._seconds):
                    result = await _ask(process, task)
                answered = True
            except TimeoutError:
                return self._lost(task, f"longer than {self._seconds:g} s")
            except WorkerLost:
                return self._lost(task, "the worker process ended")
            finally:
                # Also when this call is cancelled: a process in the middle of an answer cannot be asked again.
                if answered:
                    self._idle.append(process)
                else:
                    await self._end(process)
            return result

    def _waiting(self) -> asyncio.subprocess.Process | None:
        """An idle process that still lives: one may have been ended from outside while nothing was asked of it."""
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            self._running.discard(process)
        return None

    def _lost(self, task: FileTask, reason: str) -> FileResult:
        _log.warning("file could not be analysed", extra={"path": task.path, "reason": reason})
        return without_analysis(task, FileState.FAILED, reason)

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=64 * 1024 * 1024,
        )
        self._running.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._running.discard(process)
        if process in self._idle:
            self._idle.remove(process)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ask(process: asyncio.subprocess.Process, task: FileTask) -> FileResult:
    writing, reading = process.stdin, process.stdout
    assert writing is not None
    assert reading is not None
    try:
        writing.write(pack(task))
        await writing.drain()
        (length,) = LENGTH.unpack(await reading.readexactly(LENGTH.size))
        return msgspec.json.decode(await reading.readexactly(length), type=FileResult)
    except (ConnectionError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
        raise WorkerLost from error
