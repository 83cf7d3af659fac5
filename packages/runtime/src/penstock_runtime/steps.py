"""Named, numbered crash points: where a process died, and how to make it die there.

Code that must survive being killed calls `steps.reach("loop.handled")` at each place where dying makes a difference.
In production that is a no-op; under the chaos harness it is recorded outside the process; in the simulator it crashes.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

STEPS_FILE = "PENSTOCK_STEPS_FILE"

_SLOT = 128
_HEADER = struct.Struct("@QQqH")
_SEQUENCE = struct.Struct("@Q")
_LONGEST_POINT = _SLOT - _HEADER.size


class Steps(Protocol):
    """Told of every crash point as it is passed. It may end the process and never fails otherwise."""

    def reach(self, point: str) -> None:
        """The code is at `point` now; what stands before it in the source has been done."""
        ...

    def hold(self, count: int, holder: str = "") -> None:
        """This holder, such as one of several loops, has so many records now: taken from the log, not yet finished."""
        ...


class Crashed(BaseException):
    """A process of the simulator died. Not an Exception, so that nothing but the simulator catches it."""


class NoSteps:
    """Production: nobody wants to know."""

    __slots__ = ()

    def reach(self, point: str) -> None:
        pass

    def hold(self, count: int, holder: str = "") -> None:
        pass


NO_STEPS: Steps = NoSteps()


@dataclass(frozen=True, slots=True)
class LastStep:
    """Where a process was when it was last seen."""

    point: str
    """The last point reached; empty when none was."""
    held: int
    """Records held at that moment."""
    count: int
    """How many points had been reached in all."""


class RecordedSteps:
    """Writes every step into a small memory-mapped file, which survives kill -9 of the process (not of the host).

    The file has two slots, written in turn; a slot's sequence number is written last. So whenever the process is
    killed, one slot is whole, and the reader takes the newer whole one.
    """

    __slots__ = ("_count", "_held", "_map", "_point", "_sequence")

    def __init__(self, path: Path) -> None:
        self._count = 0
        self._held: dict[str, int] = {}
        self._sequence = 0
        self._point = b""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.unfinished")
        with unfinished.open("wb+") as file:
            file.truncate(2 * _SLOT)
            self._map = mmap.mmap(file.fileno(), 2 * _SLOT)
        self._write()
        unfinished.replace(path)  # whoever reads it finds the slots

    def reach(self, point: str) -> None:
        self._count += 1
        self._point = point.encode()[:_LONGEST_POINT]
        self._write()

    def hold(self, count: int, holder: str = "") -> None:
        if self._held.get(holder, 0) != count:
            self._held[holder] = count
            self._write()

    def _write(self) -> None:
        self._sequence += 1
        at = (self._sequence % 2) * _SLOT
        _SEQUENCE.pack_into(self._map, at, 0)
        body = at + _HEADER.size
        self._map[body : body + len(self._point)] = self._point
        _HEADER.pack_into(self._map, at, 0, self._count, sum(self._held.values()), len(self._point))
        _SEQUENCE.pack_into(self._map, at, self._sequence)


def read_steps(path: Path) -> LastStep:
    """What a process, living or dead, wrote last through RecordedSteps."""
    content = path.read_bytes()
    newest = (0, 0, 0, b"")
    for at in (0, _SLOT):
        sequence, count, held, length = _HEADER.unpack_from(content, at)
        body = at + _HEADER.size
        newest = max(newest, (sequence, count, held, content[body : body + length]))
    return LastStep(point=newest[3].decode(errors="replace"), held=newest[2], count=newest[1])


def die() -> None:
    """End the process as kill -9 would: no clean-up, nothing flushed."""
    os._exit(137)


def crash() -> None:
    """End a simulated process."""
    raise Crashed


@dataclass(slots=True)
class CrashAt:
    """Dies at the nth reach of a point, once. `crash` raises Crashed for the simulator; give `die` for a real end."""

    point: str
    nth: int = 1
    crash: Callable[[], None] = crash
    held: int = 0
    reached: int = 0

    def reach(self, point: str) -> None:
        if point != self.point:
            return
        self.reached += 1
        if self.reached == self.nth:
            self.crash()

    def hold(self, count: int, holder: str = "") -> None:
        self.held = count


def steps_from_env(environ: Mapping[str, str]) -> Steps:
    """RecordedSteps where PENSTOCK_STEPS_FILE says so (`{pid}` in it becomes the process id), else NO_STEPS."""
    path = environ.get(STEPS_FILE, "")
    return RecordedSteps(Path(path.replace("{pid}", str(os.getpid())))) if path else NO_STEPS
