"""A network that delays, resets, half-closes and drops: tells the proxy, which every connection goes through."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from tests.chaos.faults import Struck
from tests.chaos.plan import Fault, Kind

MODES: Mapping[Kind, str] = MappingProxyType(
    {Kind.DELAY: "delay", Kind.RESET: "reset", Kind.HALF_CLOSE: "half-close", Kind.DROP: "drop"}
)


@dataclass(slots=True)
class Network:
    control: int
    kinds: Collection[Kind] = field(default=tuple(MODES))

    async def make(self, fault: Fault, patience: float) -> Struck | None:
        at = datetime.now(UTC)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control)
        try:
            order = {"way": fault.victim, "mode": MODES[fault.kind], "seconds": fault.seconds}
            writer.write(json.dumps(order).encode() + b"\n")
            hit = json.loads(await reader.readline())["connections"]
        finally:
            writer.close()
        return Struck(fault.kind, f"to {fault.victim}", at, "idle" if not hit else "", seconds=fault.seconds)

    async def mend(self) -> None:
        """The proxy ends what it does when its time is up."""
