"""A loop on the memory log and store, stepped by hand."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from penstock_contracts.codec import Codec
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_eventlog.loop import Limits, Loop, Tools
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.work import Handler, InBatches, OneByOne, Work
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import RawRecord
from tests.unit.penstock_eventlog.events import CODEC, record

GROUP = "penstock-ast"
TOPICS = ("ast.requested",)


@dataclass(slots=True)
class Rig:
    clock: ManualClock = field(default_factory=ManualClock)
    log: MemoryLog = field(default_factory=MemoryLog)
    store: MemoryStore = field(init=False)
    solitude: Solitude = field(default_factory=Solitude)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)

    def tools(self, steps: Steps = NO_STEPS, codec: Codec | None = None) -> Tools:
        return Tools(
            self.log, self.store, codec or Codec(), Metrics(CollectorRegistry()), self.solitude, self.clock, steps
        )

    def loop(
        self,
        work: Work | Handler | Mapping[str, Handler],
        *,
        concurrency: int = 8,
        topics: Sequence[str] = TOPICS,
        group: str = GROUP,
        limits: Limits | None = None,
        steps: Steps = NO_STEPS,
        codec: Codec | None = None,
    ) -> Loop:
        if not isinstance(work, OneByOne | InBatches):
            handles = work if isinstance(work, Mapping) else {"ast.requested": work}
            work = OneByOne(handles, concurrency)
        return Loop(group, topics, work, self.tools(steps, codec), source="penstock/ast", limits=limits or Limits())

    async def say(self, *events: Event[Fact]) -> None:
        await self.log.producer().send([record(event) for event in events])

    async def run(self, loop: Loop, until: Callable[[], object], steps: int = 400) -> None:
        """Steps the loop until this is true; the clock moves by what the loop would have waited."""
        for _ in range(steps):
            if until():
                return
            await self.step(loop)
        raise AssertionError(f"not true after {steps} steps of {loop.name}")

    async def step(self, loop: Loop, times: int = 1) -> None:
        for _ in range(times):
            loop.wake.clear()
            wait = await loop.step()
            await asyncio.sleep(0)
            if not loop.wake.is_set():
                self.clock.advance(wait)

    async def died(self, loop: Loop) -> None:
        """The group notices that this member is gone; whoever comes next is another process."""
        assert loop._consumer is not None
        await loop._consumer.close()
        self.solitude = Solitude()

    def answers(self, topic: str = "ast.completed") -> list[Event[Fact]]:
        return [CODEC.decode(one.headers, one.value) for one in self.log.records(topic)]

    def said(self, topic: str) -> tuple[RawRecord, ...]:
        return self.log.records(topic)

    def committed(self, group: str = GROUP) -> int:
        """How many records the group will not be given again."""
        return sum(self.log.committed(group).values())
