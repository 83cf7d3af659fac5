"""What a stage of the compared workflow does, the same on both sides: next to nothing, or as long as it is told.

With a journal each execution is written down when it begins and when its work is done, so that whoever reads it can
count what was lost and what was done twice.
"""

import asyncio
import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

STEPS = ("prepare", "ast", "review/whole", "review/0", "review/1", "comment")
"""What is executed in one run. The third to the fifth run beside each other."""


class Entry(NamedTuple):
    at: float
    what: str
    run: str
    step: str
    process: int


@dataclass(frozen=True, slots=True)
class Work:
    seconds: float = 0.0
    journal: Path | None = None

    async def do(self, run: str, step: str, given: str) -> str:
        """A hash of what it was given."""
        self._write("began", run, step)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        made = hashlib.sha256(given.encode()).hexdigest()
        self._write("done", run, step)
        return made

    def _write(self, what: str, run: str, step: str) -> None:
        if self.journal is None:
            return
        # one short write at the end of a file: whole, in order, and there when its writer is killed
        line = f"{asyncio.get_running_loop().time():.6f} {what} {run} {step} {os.getpid()}\n"
        place = os.open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(place, line.encode())
        os.close(place)


def entries(journal: Path) -> list[Entry]:
    """Times are those of the monotonic clock, which all processes of a machine share."""
    if not journal.exists():
        return []
    words = (line.split() for line in journal.read_text().splitlines())
    return [Entry(float(at), what, run, step, int(process)) for at, what, run, step, process in words]


def times_done(found: list[Entry]) -> Counter[tuple[str, str]]:
    return Counter((entry.run, entry.step) for entry in found if entry.what == "done")
