"""All rooms of the memory store."""

from datetime import datetime

from penstock_contracts.codec import Codec
from penstock_runtime.clock import Clock
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store import hints, ports
from penstock_store.cache import Cache
from penstock_store.effects import Effects
from penstock_store.encoding import DEFAULT, StateEncoding
from penstock_store.memory.cache import MemoryCache
from penstock_store.memory.effects import MemoryBlobs, MemoryEffects, MemorySchemas
from penstock_store.memory.jobs import MemoryExecutions, MemoryJobs, MemoryTimers
from penstock_store.memory.leases import MemoryDeadLetters, MemoryDeliveries, MemoryLeases
from penstock_store.memory.outbox import MemoryLog, MemoryOutbox, MemoryReceipts
from penstock_store.memory.restoring import MemoryRestoring
from penstock_store.memory.spending import MemorySpending
from penstock_store.memory.streams import MemoryStreams
from penstock_store.memory.tables import Tables
from penstock_store.restoring import Restoring
from penstock_store.spending import Spending


class MemoryStore:
    """The Store port in memory. `tables` may be looked at by tests and handed to a second store: a restarted process
    of the simulator. It is used from one event loop."""

    def __init__(
        self,
        clock: Clock,
        *,
        codec: Codec | None = None,
        steps: Steps = NO_STEPS,
        tables: Tables | None = None,
        encoding: StateEncoding = DEFAULT,
    ) -> None:
        codec = codec or Codec()
        self.tables = tables or Tables(clock)
        self.hints: hints.Hints = self.tables.hints
        self.streams: ports.Streams = MemoryStreams(self.tables, codec, steps, encoding)
        self.receipts: ports.Receipts = MemoryReceipts(self.tables, steps)
        self.outbox: ports.Outbox = MemoryOutbox(self.tables, steps)
        self.log: ports.LogTable = MemoryLog(self.tables)
        self.timers: ports.Timers = MemoryTimers(self.tables)
        self.leases: ports.Leases = MemoryLeases(self.tables)
        self.executions: ports.Executions = MemoryExecutions(self.tables)
        self.jobs: ports.Jobs = MemoryJobs(self.tables)
        self.deliveries: ports.Deliveries = MemoryDeliveries(self.tables)
        self.dead_letters: ports.DeadLetters = MemoryDeadLetters(self.tables)
        self.blobs: ports.Blobs = MemoryBlobs(self.tables)
        self.effects: Effects = MemoryEffects(self.tables)
        self.cache: Cache = MemoryCache(self.tables)
        self.spending: Spending = MemorySpending(self.tables)
        self.schemas: ports.Schemas = MemorySchemas(self.tables)
        self.restoring: Restoring = MemoryRestoring(self.tables)
        self.retention: ports.Retention | None = None

    async def now(self) -> datetime:
        self.tables.ask()
        return self.tables.now()

    async def check(self) -> None:
        self.tables.ask()

    async def close(self) -> None:
        """Nothing is held outside of memory."""

    def go_away(self) -> None:
        """From now on every call raises StoreUnavailable, as when the database is down."""
        self.tables.available = False

    def come_back(self) -> None:
        self.tables.available = True
