"""Runs one program: bounded in time and output, in a process group of its own that dies whole."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from penstock_sources.errors import SourceTimeout, SourceTooLarge, SourceUnavailable

_CHUNK = 256 * 1024
_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Completed:
    """Negative `status`: the signal that ended the program."""

    status: int
    output: bytes
    errors: str


async def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    output_bytes: int,
    given: bytes = b"",
    held: tuple[int, ...] = (),
) -> Completed:
    """The program's end, however it ended.

    Raises SourceTimeout, SourceTooLarge for more output than allowed, SourceUnavailable when it cannot be started. Then
    and on cancellation its whole process group is killed first. `held` are open files that it and its children keep.
    """
    process = await _started(command, folder, environment, held)
    ended = False
    try:
        async with asyncio.timeout(seconds):
            _, output, errors = await asyncio.gather(
                _give(process, given), _whole_output(process, output_bytes), _end_of_errors(process)
            )
            status = await process.wait()
            ended = True
    except TimeoutError as error:
        raise SourceTimeout(f"git did not end within {seconds:g} s") from error
    finally:
        if not ended:
            _signal(process)
            await process.wait()
    if output is None:
        raise SourceTooLarge(f"git printed more than {output_bytes} bytes")
    return Completed(status, output, errors.decode("utf-8", errors="replace"))


async def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], held: tuple[int, ...]
) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
            pass_fds=held,
        )
    except OSError as error:
        raise SourceUnavailable(f"{command[0]} cannot be started ({error.strerror})") from error


async def _give(process: Process, given: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _whole_output(process: Process, limit: int) -> bytes | None:
    """None when there was more than allowed. Then it is read to its end all the same, which the killing brings."""
    assert process.stdout is not None
    chunks: list[bytes] = []
    size = 0
    while chunk := await process.stdout.read(_CHUNK):
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
            _signal(process)
    return b"".join(chunks) if size <= limit else None


async def _end_of_errors(process: Process) -> bytes:
    assert process.stderr is not None
    kept = b""
    while chunk := await process.stderr.read(_CHUNK):
        kept = (kept + chunk)[-_ERROR_BYTES:]
    return kept


def _signal(process: Process) -> None:
    """Ends the whole group; where the program has ended, what it left behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
