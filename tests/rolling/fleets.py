"""Replacing the services of one version by those of another, and how each of them ended."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.chaos.plan import SERVICES
from tests.chaos.verdict import Verdict, none_of
from tests.rolling.ground import SPARE, Ground, Say
from tests.rolling.looking import Looking
from tests.rolling.talking import Talking

GRACE = 25.0
"""What a service is given to finish what it has in hand: the default of PENSTOCK_STOP_SECONDS."""
_TURN = (
    "orchestrator@2",
    "commenter@2",
    "prepare",
    "ast",
    "console",
    "llm-review",
    "ingest",
    "commenter",
    "orchestrator",
)


@dataclass(frozen=True, slots=True)
class End:
    """How one that was told to end did so."""

    service: str
    seconds: float
    code: int | None
    """None: it had to be killed."""

    def __str__(self) -> str:
        return f"{self.service} ended with {self.code} after {self.seconds:.1f} s"


@dataclass(slots=True)
class Replacing:
    ground: Ground
    looking: Looking
    talking: Talking
    say: Say
    ends: list[End] = field(default_factory=list)

    async def one_at_a_time(self, before: str, after: str) -> None:
        for service in _TURN:
            if service == "ingest":
                await self._ingest(before, after)
            elif service == "console":
                with self.looking.while_replaced():
                    await self._replace(before, after, service)
            else:
                await self._replace(before, after, service)
        self.say(f"{before} to {after}, one at a time: {self._slowest()}")

    async def all_at_once(self, before: str, after: str) -> None:
        """Webhooks are refused meanwhile, and delivered again."""
        fleet = self.ground.fleet(before)
        async with self.talking.going_on():
            with self.looking.while_replaced():
                await self._end(before, *(service for service in (*SERVICES, SPARE) if fleet.running(service)))
                await asyncio.to_thread(self.ground.fleet(after).start)
            await self.ground.front.lead_to(self.ground.fleet(after).ingest_url)
        self.say(f"{before} to {after}, all at once: {self._slowest()}; {await self.talking.refused()}")

    def verdict(self) -> Verdict:
        bad = (end for end in self.ends if end.code != 0 or end.seconds > GRACE)
        return none_of(f"every end is in order and within {GRACE:.0f} s", bad, f"{len(self.ends)} ends")

    async def _replace(self, before: str, after: str, service: str) -> None:
        await self._end(before, service)
        await asyncio.to_thread(self.ground.fleet(after).start, service)

    async def _ingest(self, before: str, after: str) -> None:
        """As docs/operations.md says: the new one first."""
        spare = self.ground.fleet(after, SPARE)
        async with self.talking.going_on_and_heard():
            await asyncio.to_thread(spare.start)
            await self.ground.front.lead_to(spare.public_url(SPARE))
            await self._end(before, "ingest")

    async def _end(self, version: str, *services: str) -> None:
        fleet, began = self.ground.fleet(version), time.monotonic()
        pids = {service: fleet.pid(service) for service in services}
        await asyncio.to_thread(fleet.stop, *services)
        codes, seconds = self.ground.exit_codes(), time.monotonic() - began
        self.ends += [End(service, seconds, codes.get(pid or 0)) for service, pid in pids.items()]

    def _slowest(self) -> str:
        return str(max(self.ends, key=lambda end: end.seconds, default="nothing ended"))
