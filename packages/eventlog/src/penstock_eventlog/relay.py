"""The relay: from the outbox to the log, in the order of each stream.

1. lease    take and renew the shards that nobody else publishes
2. read     unsent rows of these shards, in order, without streams that are blocked; when there are more, the next
            batch is read while this one is published
3. publish  a shard whose lease is about to end is left alone
4. mark     checked against the fence: whoever was frozen and replaced marks nothing

A crash point stands after each. A crash or a lost fence between 3 and 4 publishes rows twice, first occurrences stay in
order. A row the log refuses for good is blocked: its stream waits, visibly, and the others go on.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from penstock_contracts.routing import shard_of
from penstock_eventlog.patience import Patience
from penstock_eventlog.ports import Published, Sink
from penstock_eventlog.shard_leases import Shards
from penstock_runtime.clock import Clock
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.errors import FenceLost, StoreUnavailable
from penstock_store.hints import Hint
from penstock_store.ports import Store
from penstock_store.rows import Lease, OutboxRow

A = TypeVar("A")
B = TypeVar("B")
LEASED, READ, PUBLISHED, MARKED = "relay.1.leased", "relay.2.read", "relay.3.published", "relay.4.marked"
POINTS = (LEASED, READ, PUBLISHED, MARKED)
BATCH = 500
IDLE = 0.25
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A batch that was read while the one before it was published, and under which leases."""

    leases: Mapping[int, Lease]
    rows: Sequence[OutboxRow]


class Relay:
    """A Machine. Run one in every process that may publish; the leases decide who does."""

    def __init__(
        self,
        store: Store,
        sink: Sink,
        shards: Shards,
        *,
        clock: Clock,
        metrics: Metrics,
        steps: Steps = NO_STEPS,
        batch: int = BATCH,
        idle: float = IDLE,
    ) -> None:
        self._store, self._sink, self._shards = store, sink, shards
        self._metrics, self._steps = metrics, steps
        self._batch, self._idle = batch, idle
        self._ahead: _Ahead | None = None
        self._wake = asyncio.Event()
        self._patience = Patience("store or log", clock)
        store.hints.subscribe(Hint.OUTBOX, self._wake)

    @property
    def name(self) -> str:
        return "relay"

    @property
    def wake(self) -> asyncio.Event:
        return self._wake

    async def step(self) -> float:
        """One turn of the four steps of the module's docstring."""
        return await self._patience.turn(self._turn)

    async def stop(self) -> None:
        self._store.hints.unsubscribe(Hint.OUTBOX, self._wake)
        try:
            await self._shards.release()
        except StoreUnavailable:
            _log.info("the relay's leases were not given back; they expire")

    async def _turn(self) -> float:
        return 0.0 if await self._published() == self._batch else self._idle

    async def _published(self) -> int:
        """How many rows were read."""
        leases = await self._shards.held()  # 1
        if not leases:
            return 0
        self._steps.reach(LEASED)
        rows = await self._read(leases)  # 2
        if not rows:
            return 0
        self._steps.reach(READ)
        sure = {shard: lease for shard, lease in leases.items() if self._shards.sure(shard)}
        may = rows if len(sure) == len(leases) else [row for row in rows if shard_of(row.stream) in sure]
        publishing = self._publish(may, sure)
        if len(rows) < self._batch:
            await publishing
            return len(rows)
        marked, ahead = await _both(publishing, self._ahead_of(rows, leases))
        if marked == len(rows):
            self._ahead = ahead
        return len(rows)

    async def _read(self, leases: Mapping[int, Lease]) -> Sequence[OutboxRow]:
        """What was read ahead counts as long as the leases are the same."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.leases == leases:
            return ahead.rows
        return await self._store.outbox.unsent(sorted(leases), self._batch)

    async def _ahead_of(self, rows: Sequence[OutboxRow], leases: Mapping[int, Lease]) -> "_Ahead":
        """The next batch, while this one is being acknowledged. It is forgotten when any row of this one stays unsent,
        because what follows in the same stream may be in it."""
        found = await self._store.outbox.unsent(sorted(leases), self._batch, [row.id for row in rows])
        return _Ahead(leases, found)

    async def _publish(self, rows: Sequence[OutboxRow], leases: Mapping[int, Lease]) -> int:
        """How many were marked."""
        if not rows:
            return 0
        try:
            published = await self._sink.publish(rows, *_of(rows, leases))  # 3
        except FenceLost as error:
            self._lost(error, leases)
            return 0
        self._steps.reach(PUBLISHED)
        taken = set(published.taken)
        marked = await self._mark([row for row in rows if row.id in taken], leases)  # 4
        await self._block(rows, published, leases)
        self._steps.reach(MARKED)
        for topic, number in Counter(row.topic for row in marked).items():
            self._metrics.outbox_sent.labels(topic).inc(number)
        return len(marked)

    async def _mark(self, rows: Sequence[OutboxRow], leases: Mapping[int, Lease]) -> Sequence[OutboxRow]:
        """All at once; where somebody else has taken a lease, those under the others."""
        while rows:
            try:
                await self._sink.mark([row.id for row in rows], *_of(rows, leases))
            except FenceLost as error:
                lost = self._lost(error, leases)
                rows = [row for row in rows if shard_of(row.stream) not in lost]
            else:
                break
        return rows

    async def _block(self, rows: Sequence[OutboxRow], published: Published, leases: Mapping[int, Lease]) -> None:
        """The first refused row of each stream; what follows it in the stream stays unsent."""
        blocked: set[str] = set()
        for row in rows:
            reason = published.refused.get(row.id)
            if reason is None or row.stream in blocked:
                continue
            blocked.add(row.stream)
            try:
                await self._store.outbox.block(row.id, reason, leases[shard_of(row.stream)])
            except FenceLost as error:
                self._lost(error, leases)
            else:
                _log.error("a stream is blocked", extra={"stream": row.stream, "topic": row.topic, "reason": reason})

    def _lost(self, error: FenceLost, leases: Mapping[int, Lease]) -> Collection[int]:
        """The shards under this lease."""
        _log.warning("the relay lost a lease", extra={"error": str(error)})
        lost = [shard for shard, lease in leases.items() if lease.key == error.key]
        for shard in lost:
            self._shards.lost(shard)
        return lost


async def _both(first: Coroutine[None, None, A], second: Coroutine[None, None, B]) -> tuple[A, B]:
    """Both to their end; then the first failure is raised."""
    one, two = asyncio.ensure_future(first), asyncio.ensure_future(second)
    await asyncio.gather(one, two, return_exceptions=True)
    return one.result(), two.result()


def _of(rows: Iterable[OutboxRow], leases: Mapping[int, Lease]) -> Sequence[Lease]:
    """Those of the shards of these rows, each once. The first few rows have nearly always named all that there are."""
    every = len({lease.key for lease in leases.values()})
    found: dict[str, Lease] = {}
    for row in rows:
        lease = leases[shard_of(row.stream)]
        found[lease.key] = lease
        if len(found) == every:
            break
    return list(found.values())
