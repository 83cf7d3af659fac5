"""kill -9, again and again, preferably of who holds a record; and the one who starts again what has died."""

import asyncio
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from penstock_eventlog import relay
from penstock_store.points import RECEIVE_WRITTEN
from tests.chaos.plan import BROKER, POSTGRES, RELAY, SERVICES, Plan
from tests.chaos.stage import Stage

_LOOK = 0.001
_LONGEST = 60.0
_SUPERVISION = 0.5
_IN_HAND = frozenset({relay.READ, relay.PUBLISHED, RECEIVE_WRITTEN})
_AT_RANDOM = 0.25
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
    ended_alone: Counter[str] = field(default_factory=Counter)
    """Services that ended without being killed, and were started again."""
    back_after: dict[str, list[float]] = field(default_factory=dict)
    """How long after each kill a server answered, or a service reached its first step."""
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _servers: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _watches: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        """All kills of the plan, evenly spread over its time; returns when every server that was killed is back."""
        rng, began = self.plan.random("kills"), time.monotonic()
        pace = self.plan.killing / self.plan.kills
        async with asyncio.TaskGroup() as bounces:
            for index, victim in enumerate(self.plan.victims()):
                due = began + pace * index
                await asyncio.sleep(max(0.0, due + pace * rng.uniform(0.0, 0.3) - time.monotonic()))
                if victim in (BROKER, POSTGRES):
                    bounces.create_task(self._bounce(victim))
                else:
                    at_random = rng.random() < _AT_RANDOM and victim != RELAY
                    await self._kill(victim, 0.0 if at_random else due + pace - time.monotonic())

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
            self.ended_alone[service] += 1
            await asyncio.to_thread(self.stage.fleet.start, service, wait=False)
            pid = self.stage.fleet.pid(service)
        if pid is None:
            raise AssertionError(f"{service} ends as soon as it is started: {self.stage.fleet.log(service)}")
        return pid

    async def _kill(self, victim: str, patience: float) -> None:
        service = "orchestrator" if victim == RELAY else victim
        async with self._busy:
            pid = await self._running(service)
            await self._moment(self._is_relaying if victim == RELAY else self._holds(service), patience)
            try:
                os.kill(pid, signal.SIGKILL)  # at once: a few milliseconds later another step is reached
            except ProcessLookupError:
                await self._running(service)  # it ended by itself, and a kill that killed nothing does not count
                return
            await asyncio.to_thread(self.stage.fleet.kill, service)  # waits until it is gone
            last = self.stage.fleet.last_step(service)
            await asyncio.to_thread(self.stage.fleet.start, service, wait=False)
        self._watch(service)
        step, held = (last.point, last.held) if last else ("", 0)
        name = RELAY if step.startswith("relay.") else service
        self.kills.append(Kill(name, datetime.now(UTC), step or "before its first step", held))

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

    def _holds(self, service: str) -> Callable[[], bool]:
        """Ingest holds no records of a log: the moment for it is right after a step."""
        before = self.stage.fleet.last_step(service)

        def now() -> bool:
            last = self.stage.fleet.last_step(service)
            if last is None:
                return False
            return last.held > 0 or (service == "ingest" and before is not None and last.count > before.count)

        return now

    def _is_relaying(self) -> bool:
        last = self.stage.fleet.last_step("orchestrator")
        return last is not None and last.point in _IN_HAND

    async def _moment(self, come: Callable[[], bool], patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not come():
            await asyncio.sleep(_LOOK)

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
