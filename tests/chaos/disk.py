"""The disk of the database is filled with ballast for some seconds."""

import asyncio
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.chaos.faults import Struck
from tests.chaos.plan import POSTGRES, Fault, Kind
from tests.chaos.servers import Servers

_PIECE = 256 * 1024


@dataclass(slots=True)
class Disk:
    folder: Path
    servers: Servers
    kinds: Collection[Kind] = field(default=(Kind.DISK,))

    @property
    def ballast(self) -> Path:
        return self.folder / "ballast"

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        async with self.servers.locks[POSTGRES]:
            at, postgres = datetime.now(UTC), self.servers.stage.cluster.postgres
            try:
                await asyncio.to_thread(self._fill)
                await asyncio.sleep(fault.seconds)
                ended = not postgres.running()
            finally:
                self.ballast.unlink(missing_ok=True)
            if not postgres.running():  # it may end when it cannot write what it has promised
                await asyncio.to_thread(postgres.start)
            return Struck(Kind.DISK, POSTGRES, at, "the server ended" if ended else "", seconds=fault.seconds)

    async def mend(self) -> None:
        self.ballast.unlink(missing_ok=True)

    def _fill(self) -> None:
        """Piece by piece, since the database writes as well: what does not fit is not kept at all."""
        with self.ballast.open("wb") as file, suppress(OSError):
            for number in count():
                os.posix_fallocate(file.fileno(), number * _PIECE, _PIECE)
