"""kill -9, again and again, preferably of who holds a record; and the one who starts again what has died."""

import asyncio
import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from penstock_eventlog import relay
from penstock_store.points import RECEIVE_WRITTEN
from tests.chaos.plan import BROKER, POSTGRES, RELAY, SERVICES, Plan
from tests.chaos.stage import Stage

_LOOK = 0.001
_LONGEST = 60.0
_SUPERVISION = 0.5
_IN_HAND = frozenset({relay.READ, relay.PUBLISHED, RECEIVE_WRITTEN})
_CANDIDATES = 7
_PATIENCE = 2.0
"""Paces that a kill waits for its moment; the next ones catch up."""
_AT_RANDOM = 0.2
"""The share of kills that wait for nothing."""


@dataclass(frozen=True, slots=True)
class Kill:
    victim: str
    at: datetime
    step: str
    """The last numbered step it had reached; of servers that are not ours nobody knows one."""
    held: int
    """Records of the log."""

    @property
    def holding(self) -> bool:
        """A record of the log, or of the outbox, or one that was written and not answered."""
        return self.held > 0 or self.step in _IN_HAND


@dataclass(slots=True)
class Killer:
    stage: Stage
    plan: Plan
    kills: list[Kill] = field(default_factory=list)
    ended_alone: list[str] = field(default_factory=list)
    """Services that ended without being killed, each with its last words, and were started again."""
    back_after: dict[str, list[float]] = field(default_factory=dict)
    """How long after each kill a server answered, or a service reached its first step."""
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _servers: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _watches: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        """All kills of the plan, evenly spread over its time; returns when every server that was killed is back."""
        rng, began = self.plan.random("kills"), time.monotonic()
        pace = self.plan.killing / self.plan.kills
        waiting = self.plan.victims()
        async with asyncio.TaskGroup() as bounces:
            for index in range(self.plan.kills):
                due = began + pace * index
                await asyncio.sleep(max(0.0, due + pace * rng.uniform(0.0, 0.3) - time.monotonic()))
                if waiting[0] in (BROKER, POSTGRES):
                    bounces.create_task(self._bounce(waiting.pop(0)))
                else:
                    nearest = waiting[:1] if rng.random() < _AT_RANDOM else waiting[:_CANDIDATES]
                    waiting.remove(await self._strike(nearest, due + _PATIENCE * pace))

    async def close(self) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    async def supervise(self) -> None:
        """What every installation has: who sees that a process has ended and starts it again."""
        while True:
            await asyncio.sleep(_SUPERVISION)
            async with self._busy:
                for service in SERVICES:
                    await self._running(service)

    async def _running(self, service: str) -> int:
        """The number of the process, which was started again where it had ended."""
        pid = self.stage.fleet.pid(service)
        if pid is None:
            self.ended_alone.append(f"{service}: {_last_words(self.stage.fleet.log(service))}")
            await asyncio.to_thread(self.stage.fleet.start, service, wait=False)
            pid = self.stage.fleet.pid(service)
        if pid is None:
            raise AssertionError(f"{service} ends as soon as it is started: {self.stage.fleet.log(service)}")
        return pid

    async def _strike(self, nearest: Sequence[str], until: float) -> str:
        """Kills the first of these that is seen with something in hand, or when the time is up the very first."""
        candidates = [victim for victim in nearest if victim not in (BROKER, POSTGRES)]
        async with self._busy:
            pids = {victim: await self._running(_service(victim)) for victim in candidates}
            chosen = candidates[0]
            while len(candidates) > 1 and time.monotonic() < until:
                if caught := next((victim for victim in candidates if self._in_hand(victim)), None):
                    chosen = caught
                    break
                await asyncio.sleep(_LOOK)
            try:
                os.kill(pids[chosen], signal.SIGKILL)  # at once: a few milliseconds later another step is reached
            except ProcessLookupError:
                await self._running(_service(chosen))  # it ended by itself, and what killed nothing does not count
            else:
                await self._killed(_service(chosen))
        return chosen

    async def _killed(self, service: str) -> None:
        await asyncio.to_thread(self.stage.fleet.kill, service)  # waits until it is gone
        last = self.stage.fleet.last_step(service)
        await asyncio.to_thread(self.stage.fleet.start, service, wait=False)
        self._watch(service)
        step, held = (last.point, last.held) if last else ("", 0)
        name = RELAY if step.startswith("relay.") else service
        self.kills.append(Kill(name, datetime.now(UTC), step or "before its first step", held))

    def _in_hand(self, victim: str) -> bool:
        last = self.stage.fleet.last_step(_service(victim))
        if last is None:
            return False
        return last.point in _IN_HAND or (victim != RELAY and last.held > 0)

    async def _bounce(self, victim: str) -> None:
        """Never while it is being started: then there would be nothing to kill."""
        cluster = self.stage.cluster
        kill, start = {
            BROKER: (cluster.kafka.kill, cluster.kafka.start),
            POSTGRES: (cluster.postgres.kill, cluster.postgres.start),
        }[victim]
        async with self._servers[victim]:
            died = time.monotonic()
            await asyncio.to_thread(kill)
            self.kills.append(Kill(victim, datetime.now(UTC), "-", 0))
            await asyncio.to_thread(start)
            self.back_after.setdefault(victim, []).append(time.monotonic() - died)

    def _watch(self, service: str) -> None:
        """How long it takes until the next process of this name works."""

        async def watch() -> None:
            died = time.monotonic()
            while time.monotonic() < died + _LONGEST:
                last = self.stage.fleet.last_step(service)
                if last is not None and last.count > 0:
                    self.back_after.setdefault(service, []).append(time.monotonic() - died)
                    return
                await asyncio.sleep(0.02)

        task = asyncio.create_task(watch())
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)


def _last_words(log: Path) -> str:
    """The last failure that is told there, or else the last line."""
    lines = log.read_text(errors="replace").splitlines() or ["nothing"]
    grave = [line for line in lines if '"level": "critical"' in line]
    return str(json.loads(grave[-1])["message"]) if grave else lines[-1]


def _service(victim: str) -> str:
    return "orchestrator" if victim == RELAY else victim
