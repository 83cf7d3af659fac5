"""The consumer loop: from a polled record to a committed position, in numbered steps, for every service.

Each `step` does, without ever waiting for work:

1. poll     at most what there is room for; when full, the partitions are paused and polling goes on
2. decode   bytes to events; what cannot be decoded becomes a dead letter; an unknown schema is looked up in the store
3. count    those whose turn it is, in one upsert: who cannot count does not handle (counting.py)
4. handle   lanes beside each other, a suspect alone in its process; gather what handlers said
5. deliver  answers to the log, dead letters to the store, until they are acknowledged
6. commit   the finished prefix of each partition, never further

A crash point stands after each. What is away (StoreUnavailable, LogUnavailable, also out of a handler) delays: nothing
is lost, nothing dropped, `step` says how long to wait. What else a handler may do, and what follows for a request, for
another fact, and for a batch:

  returns                         answered as it says     its facts are said   the same, for each
  raises                          failed(unknown)         dead letter          each alone, then a dead letter
  takes longer than its limit     failed(transient)       again; dead letter   handled again: applying is idempotent
  goes on though cancelled        HandlerStuck: the process ends, and whoever is given the record next suspects it
  ends the process three times    failed(poison)          dead letter          dead letter

A dead letter is also `failed(poison)` to who asked, or `workflow.stalled` where the work can `stall`. `Failed` of what
is no request is handled again while it is transient or rate limited, five times, then it is a dead letter. When most
records end as dead letters the fault is ours: the loop leaves its group and says so in `halted`.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from opentelemetry.trace import NoOpTracer, Tracer

from penstock_contracts.codec import Codec
from penstock_eventlog.answers import Handling
from penstock_eventlog.beside import Beside
from penstock_eventlog.committing import Committing
from penstock_eventlog.counting import DeliveryCounts
from penstock_eventlog.decoding import Decoder
from penstock_eventlog.delivery import Delivery, Handled
from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.judging import log_ids, raised, worth_another_try
from penstock_eventlog.lagging import Lagging
from penstock_eventlog.lanes import Held, Lanes
from penstock_eventlog.outcomes import DeadLetter, Emit, Failed, Outcome, Skip
from penstock_eventlog.patience import Patience
from penstock_eventlog.ports import Consumer, Log, Partition
from penstock_eventlog.prefix import FinishedPrefix
from penstock_eventlog.running import Ended, Running, Said
from penstock_eventlog.solitude import Solitude
from penstock_eventlog.work import Work
from penstock_runtime.clock import Clock, SystemClock
from penstock_runtime.errors import Unready
from penstock_runtime.logs import log_context
from penstock_runtime.metrics import Metrics
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_runtime.tracing import event_span, extract, inject
from penstock_store.errors import StoreUnavailable
from penstock_store.ports import Store
from penstock_store.rows import RawRecord

POLLED, DECODED, COUNTED = "loop.1.polled", "loop.2.decoded", "loop.3.counted"
HANDLED, DELIVERED, COMMITTED = "loop.4.handled", "loop.5.delivered", "loop.6.committed"
POINTS = (POLLED, DECODED, COUNTED, HANDLED, DELIVERED, COMMITTED)
PAUSE_AFTER = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a loop may hold, and for how long."""

    capacity: int = 1_000
    """Records held at once; when there are as many, partitions are paused until half of them are finished."""
    poll: int = 500
    idle: float = 0.25
    """Seconds until the next look when nothing was there; a bell usually rings earlier."""
    commit: float = 0.1
    """Seconds that what is finished waits to be committed together with what follows."""
    handle: float = 1_800.0
    """Seconds a handler may take; the stages have shorter limits of their own."""
    stop: float = 20.0
    """Seconds that handlers have to end in order; what is left is given back."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a loop needs of its process. All loops of a process share one `solitude`."""

    log: Log
    store: Store
    codec: Codec
    metrics: Metrics
    solitude: Solitude
    clock: Clock = field(default_factory=SystemClock)
    steps: Steps = NO_STEPS
    tracer: Tracer = field(default_factory=NoOpTracer)


class Loop:
    """A Machine: one member of one group."""

    def __init__(
        self, group: str, topics: Sequence[str], work: Work, tools: Tools, *, source: str, limits: Limits = Limits()
    ) -> None:
        self._group, self._topics, self._work = group, tuple(topics), work
        self._tools, self._source, self._limits = tools, source, limits
        self._wake = asyncio.Event()
        self._decoder = Decoder(tools.codec, tools.store.schemas)
        self._counts = DeliveryCounts(tools.store.deliveries, group)
        self._lanes = Lanes(work.lane_of, work.longest_unit)
        self._prefix = FinishedPrefix()
        self._running = Running(
            self._lanes,
            self._counts,
            self._call,
            clock=tools.clock,
            solitude=tools.solitude,
            bell=self._wake.set,
            concurrency=work.concurrency,
            limit=limits.handle,
        )
        self._producer = tools.log.producer()
        self._delivery = Delivery(
            self._producer,
            tools.store.dead_letters,
            tools.codec,
            tools.clock,
            group=group,
            source=source,
            stall=work.stall,
            bell=self._wake.set,
        )
        self._store = Patience("the store", tools.clock)
        self._inlet, self._outlet = Patience("the log", tools.clock), Patience("the log's producer", tools.clock)
        self._lagging = Lagging(group, self._prefix, tools.clock, tools.metrics)
        self._consumer: Consumer | None = None
        self._undecoded: deque[RawRecord] = deque()
        self._paused: frozenset[Partition] = frozenset()
        self._counting = Beside(self._wake.set)
        self._committing = Committing(
            self._prefix, self._counts, self._store, clock=tools.clock, bell=self._wake.set, pace=limits.commit
        )
        self._durations = cache(partial(tools.metrics.handle_duration.labels, group))
        self._full_since: float | None = None
        self._busy = self._left = False
        tools.solitude.on_change(self._wake.set)

    @property
    def name(self) -> str:
        return f"loop.{self._group}"

    @property
    def wake(self) -> asyncio.Event:
        return self._wake

    @property
    def halted(self) -> str:
        """Why this loop left its group, for readiness; empty while it works."""
        return self._delivery.over_budget

    async def check(self) -> None:
        """For readiness: raises Unready when it left its group."""
        if self.halted:
            raise Unready(self.halted)

    async def step(self) -> float:
        """One turn of the six steps of the module's docstring."""
        if self.halted:
            return self._limits.idle
        self._busy = False
        await self._guarded(self._inlet, self._poll)  # 1
        await self._guarded(self._store, self._decode)  # 2
        self._gather()  # 4, of what was begun before
        await self._guarded(self._store, self._begin)  # 3 and 4
        await self._guarded(self._outlet, self._send)  # 5
        await self._guarded(self._store, self._delivery.bury)  # 5
        self._collect()  # 6
        await self._guarded(self._inlet, self._settle)  # 6
        self._tools.steps.hold(self._prefix.held(), self._group)
        await self._stop_over_budget()
        waits = [each.wait() for each in (self._store, self._inlet, self._outlet, self._committing)]
        return 0.0 if self._busy else min([self._limits.idle, *(wait for wait in waits if wait)])

    async def stop(self) -> None:
        """Handlers may end, what they said is delivered and committed, everything else is given back uncounted."""
        if self._left:
            return
        self._left = True
        self._tools.solitude.forget(self._wake.set)
        await self._counting.wait(self._limits.stop)
        await self._running.wait(self._limits.stop)
        self._gather()
        await self._running.abandon()
        await self._guarded(self._store, self._delivery.bury)
        await self._guarded(self._outlet, self._send)
        await self._delivery.wait(self._limits.stop)
        await self._guarded(self._outlet, self._send)
        self._collect()
        self._counts.all_unfinished()
        self._committing.hurry()
        for _ in range(2):  # what is under way, and then the rest
            await self._committing.wait_for_it(self._limits.stop)
            await self._guarded(self._inlet, self._settle)
        await self._committing.wait_for_it(self._limits.stop)
        self._delivery.abandon()
        if self._consumer is not None:
            await self._consumer.close()
        await self._producer.close()

    async def _stop_over_budget(self) -> None:
        if self.halted:
            _log.error("the loop leaves its group", extra={"group": self._group, "why": self.halted})
            await self.stop()

    async def _guarded(self, patience: Patience, phase: Callable[[], Awaitable[bool]]) -> None:
        """A phase says whether it asked anything; what is away is asked again later."""
        if patience.wait():
            return
        try:
            if await phase():
                patience.succeeded()
        except (StoreUnavailable, LogUnavailable) as error:
            patience.failed(error)

    async def _poll(self) -> bool:
        """1. A full loop polls for its membership's sake; what it is given nevertheless is held like the rest."""
        consumer = self._joined()
        room = self._limits.capacity - self._prefix.held()
        if room > 0:
            self._full_since = None
        elif not self._full_for(PAUSE_AFTER):
            return False
        if room <= 0 and consumer.assigned() != self._paused:
            self._paused = consumer.assigned()
            consumer.pause(sorted(self._paused))
        elif self._paused and room >= self._limits.capacity // 2:
            consumer.resume(sorted(self._paused))
            self._paused = frozenset()
        records = await consumer.poll(max(1, min(room, self._limits.poll)), 0.0)
        if records:
            self._prefix.polled(records)
            self._undecoded.extend(records)
            self._reached(POLLED)
        self._lagging.look(consumer)
        return True

    def _full_for(self, seconds: float) -> bool:
        """A client that is paused throws away what it fetched ahead, so who is full for a moment only lets it wait."""
        now = self._tools.clock.monotonic()
        if self._full_since is None:
            self._full_since = now
        return now - self._full_since >= seconds

    def _joined(self) -> Consumer:
        if self._consumer is None:
            self._consumer = self._tools.log.consumer(self._group, self._topics, self._revoked, self._wake)
        return self._consumer

    def _revoked(self, lost: frozenset[Partition]) -> None:
        """Drop what is held of them: whoever has them now is given all that was not committed."""
        self._undecoded = deque(one for one in self._undecoded if (one.topic, one.partition) not in lost)
        for held in (*self._lanes.drop(lost), *self._running.cancel(lost)):
            held.dropped = True
        self._delivery.drop(lost)
        self._prefix.drop(lost)
        self._counts.lost(lost)
        self._paused -= lost
        _log.info("partitions lost", extra={"group": self._group, "partitions": len(lost)})

    async def _decode(self) -> bool:
        """2."""
        if not self._undecoded:
            return False
        while self._undecoded:
            record = self._undecoded[0]
            decoded = await self._decoder.decode(record)
            self._undecoded.popleft()
            if isinstance(decoded, DeadLetter):
                handling = Handling(self._source, self._tools.clock.now())
                self._delivery.add(Handled(record, None, decoded, handling))
            else:
                self._lanes.add(Held(record, decoded))
        self._reached(DECODED)
        return False

    async def _begin(self) -> bool:
        """3. and the beginning of 4. Counting goes on beside the steps: the next records are decoded meanwhile."""
        counted = self._counting.take()
        if counted:
            self._reached(COUNTED)
        if self._counting.free() and self._running.can_start():
            self._counting.begin(self._running.start())
        return counted

    def _gather(self) -> None:
        """The end of 4."""
        ended = self._running.reap()
        for one in ended:
            again = self._sort_out(one)
            if again:
                self._lanes.put_back(again)
            else:
                self._lanes.finish(one.unit)
            self._durations(one.unit[0].record.topic).observe(one.duration)
        if ended:
            self._reached(HANDLED)

    def _sort_out(self, ended: Ended) -> list[Held]:
        """Hands over what is finished and gives back what is to be handled again."""
        said = ended.said
        if said.outcomes is None:
            again = [held for held in ended.unit if not held.dropped]
            if again:
                self._store.failed(said.away)
            return again
        handling = Handling(self._source, ended.started_at, ended.duration, said.traceparent, said.tracestate)
        self._store.succeeded()
        again = []
        for held, outcome in zip(ended.unit, said.outcomes, strict=True):
            if worth_another_try(held, outcome):
                held.tries += 1
                self._store.failed(outcome)
                again.append(held)
            elif not held.dropped:
                self._delivery.add(Handled(held.record, held.event, outcome, handling))
        return again

    async def _call(self, unit: list[Held]) -> Said:
        """4. The one place that catches whatever a handler may raise."""
        envelope = unit[0].event.envelope
        context = extract(envelope.traceparent, envelope.tracestate)
        span = self._tools.tracer.start_as_current_span(event_span(envelope.type), context=context)
        with log_context(**log_ids(unit)), span:
            trace = inject()
            try:
                outcomes = await self._work.handle(unit)
            except (StoreUnavailable, LogUnavailable) as error:
                return Said(None, away=error)
            except Exception as error:  # noqa: BLE001 - see the module's docstring
                _log.exception("a handler raised")
                if len(unit) > 1:
                    return await self._one_by_one(unit)
                outcomes = (raised(unit[0], error),)
        return Said(outcomes, *trace)

    async def _one_by_one(self, unit: list[Held]) -> Said:
        outcomes: list[Outcome] = []
        for held in unit:
            said = await self._call([held])
            if said.outcomes is None:
                return said
            outcomes.extend(said.outcomes)
        return Said(outcomes)

    async def _send(self) -> bool:
        """5."""
        return self._delivery.send()

    def _collect(self) -> None:
        """6. What is acknowledged is finished: it may be committed as far as there is no gap before it."""
        delivered = self._delivery.take()
        for handled in delivered:
            self._prefix.finished(handled.partition, handled.record.position)
        if delivered:
            self._count_metrics(delivered)
            self._reached(DELIVERED)
        self._counts.finished(self._prefix.take_places())

    async def _settle(self) -> bool:
        """6. Beside the steps: the next batch need not wait for it."""
        committed = self._committing.step(self._consumer)
        if committed:
            self._reached(COMMITTED)
        return committed

    def _count_metrics(self, delivered: Sequence[Handled]) -> None:
        metrics = self._tools.metrics
        outcomes = Counter((one.record.topic, _WORDS[type(one.outcome)]) for one in delivered)
        for (topic, word), number in outcomes.items():
            metrics.records.labels(self._group, topic, word).inc(number)
        for one in delivered:
            if isinstance(one.outcome, DeadLetter):
                metrics.dead_letters.labels(one.record.topic, one.outcome.reason).inc()

    def _reached(self, point: str) -> None:
        self._busy = True
        self._tools.steps.reach(point)


_WORDS: dict[type, str] = {Emit: "emitted", Skip: "skipped", Failed: "failed", DeadLetter: "dead_letter"}
