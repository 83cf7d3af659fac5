"""What every installation has: who sees that a process has ended, and starts it again."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from penstock.local.process import ServerProcess
from penstock_runtime.steps import LastStep
from tests.chaos.faults import IN_HAND
from tests.chaos.plan import RELAY, SERVICES
from tests.chaos.stage import Stage

_LOOK = 0.02
_LONGEST = 90.0
_SUPERVISION = 0.5


@dataclass(slots=True)
class Supervisor:
    stage: Stage
    ended_alone: Counter[str] = field(default_factory=Counter)
    """Services that ended without being killed, each with its last words, and were started again."""
    back_after: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """How long after each kill a server answered, or a service that had something in hand reached its next step."""
    frozen: set[str] = field(default_factory=set)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever starts or ends a service."""
    _watches: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_SUPERVISION)
            async with self.busy:
                for service in SERVICES:
                    await self.running(service)

    async def running(self, service: str) -> ServerProcess:
        """The process, which was started again where it had ended. Under `busy`."""
        process = self.stage.fleet.process(service)
        if process is None:
            self.ended_alone[f"{service}: {_last_words(self.stage.fleet.log(service))}"] += 1
            await self.start(service)
            process = self.stage.fleet.process(service)
        if process is None:
            raise AssertionError(f"{service} ends as soon as it is started: {self.stage.fleet.log(service)}")
        return process

    async def start(self, service: str) -> None:
        """Under `busy`."""
        self.stage.skew(service)
        await asyncio.to_thread(self.stage.fleet.start, service, wait=False)

    def awake(self) -> list[str]:
        return [service for service in SERVICES if service not in self.frozen]

    def slot_of(self, victim: str) -> str:
        """Of the relay: the orchestrator whose last step was the relay's, else the first that is awake."""
        if victim != RELAY:
            return victim
        candidates = [name for name in self.awake() if name.startswith("orchestrator")] or ["orchestrator"]
        return next((name for name in candidates if self._relaying(name)), candidates[0])

    def in_hand(self, victim: str) -> bool:
        last = self.stage.fleet.last_step(self.slot_of(victim))
        if last is None:
            return False
        return last.point in IN_HAND or (victim != RELAY and last.held > 0)

    def last_step(self, service: str) -> tuple[str, str, int]:
        """The name under which it is told, the step, and how many records it holds."""
        last = self.stage.fleet.last_step(service) or LastStep("", 0, 0)
        name = RELAY if last.point.startswith("relay.") else service
        return name, last.point or "before its first step", last.held

    def watch(self, service: str) -> None:
        """How long it takes until the next process of this name works."""

        async def look() -> None:
            died = time.monotonic()
            while time.monotonic() < died + _LONGEST:
                last = self.stage.fleet.last_step(service)
                if last is not None and last.count > 0:
                    self.back_after[service.partition("@")[0]].append(time.monotonic() - died)
                    return
                await asyncio.sleep(_LOOK)

        task = asyncio.create_task(look())
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    async def close(self) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    def _relaying(self, service: str) -> bool:
        last = self.stage.fleet.last_step(service)
        return last is not None and last.point in IN_HAND


def _last_words(log: Path) -> str:
    """The last failure that is told there, or else the last line."""
    lines = log.read_text(errors="replace").splitlines() or ["nothing"]
    grave = [line for line in lines if '"level": "critical"' in line]
    return str(json.loads(grave[-1])["message"]) if grave else lines[-1]
