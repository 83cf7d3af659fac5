"""`penstock`, in a process whose wall clock goes wrong by what a file beside its steps says. Started by its path.

The clock of penstock_runtime is the one seam through which services ask for the time of day. What asks the system
itself (the database, log lines, the reading of Retry-After dates) sees the true time; time that passes is not shifted.
"""

import mmap
import os
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from penstock_runtime.clock import SystemClock
from penstock_runtime.steps import STEPS_FILE

_OFFSET = struct.Struct("@d")
_MOST = 600.0


class WrongClock(SystemClock):
    """The system's, shifted by what the file says at the moment."""

    __slots__ = ("_map",)

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _OFFSET.size)

    def now(self) -> datetime:
        (seconds,) = _OFFSET.unpack_from(self._map)
        return super().now() + timedelta(seconds=seconds)


def clock_beside(steps: Path) -> Path:
    return steps.with_suffix(".clock")


def set_wrong(clock: Path, rng: Random) -> None:
    """By at most ten minutes, before or after; in place, for who has it mapped."""
    with clock.open("r+b" if clock.exists() else "w+b") as file:
        file.write(_OFFSET.pack(rng.uniform(-_MOST, _MOST)))


def main() -> int:
    from penstock import cli
    from penstock_runtime import service

    clock = WrongClock(clock_beside(Path(os.environ[STEPS_FILE])))
    vars(service)["SystemClock"] = lambda: clock
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
