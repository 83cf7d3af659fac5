"""What runs leave in the tables, each through the port that does it in life: webhooks are received, the relay publishes
to the log table, a loop counts, reads and commits, the orchestrator applies, the stages write what they keep. They
think of nothing and ask no platform and no model."""

import asyncio
import random
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from bench.runs import answered, webhook
from penstock_contracts.codec import Codec
from penstock_contracts.enums import CommentsKind, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import AstRequested, CommentsRequested, Fact, PrepareRequested
from penstock_contracts.flow import DLQ_TOPIC, EVENTS_TOPIC
from penstock_contracts.routing import SHARDS
from penstock_eventlog.answers import is_request
from penstock_eventlog.letters import letter_of
from penstock_eventlog.outcomes import DeadLetter
from penstock_eventlog.postgres import PostgresLog, topic_partitions
from penstock_eventlog.records import outbox_row_of, record_of
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.handler import CONSUMER
from penstock_orchestrator.keeping import Sweep, SweepStreams, SweepTopic, chores
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.settings import KeepingSettings
from penstock_runtime.retry import STANDARD
from penstock_runtime.settings import load
from penstock_store.cache import CacheName, CachePlace
from penstock_store.postgres import PostgresStore
from penstock_store.rows import Delivered, EffectKind, EffectRow, EffectState, Lease, Place, RawRecord
from penstock_store.spending import NO_CAP, Amount, Caps, ModelCall, Reservation, Scope

GROUP, RELAY = "penstock-bench", "penstock:bench"
BATCH, AT_ONCE = 50, 4
POLLED, PUBLISHED = 500, 5_000
BESIDE = 12
TTL = timedelta(minutes=5)
BLOB, ANSWER = 4_000, 1_000
KILLED = 100
"""One of so many times a process is killed: it leaves a count, a call that nobody settles, and a letter."""


class Stages:
    """Their work, without the work."""

    def __init__(self, store: PostgresStore, dice: random.Random) -> None:
        self._store, self._dice = store, dice
        self.ttl = timedelta(seconds=10)
        """How long what is cached stands."""

    async def do(self, asked: Event[Fact]) -> None:
        match asked.fact:
            case PrepareRequested():
                await self._configured(asked)
                await self._put(2)
            case AstRequested():
                await self._put(1)
            case CommentsRequested():
                await self._said(asked, asked.fact)
            case _:
                await self._reviewed(asked)

    async def _put(self, blobs: int) -> None:
        for _ in range(blobs):
            await self._store.blobs.put(self._dice.randbytes(BLOB))

    async def _configured(self, asked: Event[Fact]) -> None:
        repository = asked.envelope.subject.partition(":")[2].partition("#")[0]
        place = CachePlace(CacheName.CONFIGURATION, repository, "acme", repository)
        if await self._store.cache.get(place) is None:
            await self._cached(place)

    async def _cached(self, place: CachePlace) -> None:
        token = self._dice.randbytes(8).hex()
        if await self._store.cache.claim(place, token, self.ttl):
            await self._store.cache.put(place, token, self._dice.randbytes(ANSWER), self.ttl, most=10_000)

    async def _reviewed(self, asked: Event[Fact]) -> None:
        envelope = asked.envelope
        call = ModelCall(
            envelope.workflow_id, envelope.stage, envelope.part, envelope.attempt, envelope.stream, "a-model"
        )
        reserved = await self._store.spending.reserve(call, Amount(20_000, 100), Caps({Scope.RUN: NO_CAP}))
        if isinstance(reserved, Reservation) and self._dice.randrange(KILLED):
            await self._store.spending.settle(reserved, 2_000, 300, 10)
        if envelope.stage == Stage.FILES_REVIEW:
            await self._cached(CachePlace(CacheName.ANSWERS, self._dice.randbytes(32).hex()))
        await self._put(1)

    async def _said(self, asked: Event[Fact], wanted: CommentsRequested) -> None:
        stream, run = asked.envelope.stream, asked.envelope.workflow_id
        lease = await self._store.leases.acquire(f"comments:{stream}", "bench", TTL)
        assert lease is not None
        kinds = [EffectKind.SUMMARY]
        if wanted.kind is CommentsKind.REVIEW:
            kinds += [EffectKind.REVIEW, EffectKind.INLINE, EffectKind.INLINE]
        rank = 1 + len(kinds)
        rows = [
            EffectRow(f"{stream} {kind} {number}", stream, run, kind, 1, rank, EffectState.PLANNED, "d" * 64)
            for number, kind in enumerate(kinds)
        ]
        await self._store.effects.plan(rows)
        for row in rows[:2]:
            await self._store.effects.begin(row.id, lease)
            await self._store.effects.settle(
                row.id, lease, EffectState.SENT, external_id="99000000001", url="https://a/pull/1", note=""
            )
        await self._store.leases.release(lease)


class Engine:
    """One process of everything, as `penstock up` is."""

    def __init__(self, store: PostgresStore) -> None:
        self._store, self._codec, self._dice = store, Codec(), random.Random(7)
        self._stages = Stages(store, self._dice)
        self._fold = OrchestratorFold(Rules(schedules=dict.fromkeys(Stage, STANDARD)))
        self._lease: Lease | None = None
        log = PostgresLog(store, lambda: self._lease)
        self._partitions = topic_partitions()
        self._topics = sorted(set(self._partitions) - {EVENTS_TOPIC, DLQ_TOPIC})
        self._log, self._consumer = log, log.consumer(GROUP, self._topics, lambda _: None)
        self._chores = chores(store, load(KeepingSettings, {}))

    async def run(self, first: int, count: int, share: int = 1) -> None:
        """Pull requests from their webhook to their end; of one in `share` the stages write what they keep."""
        webhooks = [webhook("growth", number) for number in range(first, first + count)]
        await _beside(
            self._store.receipts.receive(event.envelope.id, outbox_row_of(event, self._codec)) for event in webhooks
        )
        while await self._publish():
            while records := await self._consumer.poll(POLLED, 0.0):
                await self._hear(records, share)

    async def keep_house(self, age: timedelta) -> None:
        """Every chore of the housekeeping, to its end; everything is kept for as long as this."""
        self._stages.ttl = age
        for chore in self._chores:
            aged = replace(chore, age=age) if isinstance(chore, Sweep | SweepTopic | SweepStreams) else chore
            while (await aged.piece()).more:
                pass

    async def _publish(self) -> int:
        self._lease = await self._store.leases.acquire(RELAY, "bench", TTL)
        assert self._lease is not None
        published = 0
        while rows := await self._store.outbox.unsent(range(SHARDS), PUBLISHED):
            await self._store.outbox.publish(rows, self._partitions, self._lease)
            published += len(rows)
        self._log.grown(self._topics)
        return published

    async def _hear(self, records: Sequence[RawRecord], share: int) -> None:
        places = [Place(record.topic, record.partition, record.position) for record in records]
        await self._store.deliveries.count(GROUP, places)
        asked: list[Event[Fact]] = []
        heard: list[Delivered] = []
        for record in records:
            event = self._codec.decode(record.headers, record.value or b"")
            if is_request(record.topic, event.envelope.type):
                asked.append(event)
            else:
                heard.append(Delivered(event, record))
        await _beside(self._stages.do(event) for event in asked if UUID(event.envelope.workflow_id).int % share == 0)
        await self._log.producer().send([record_of(answered(event, batches=1), self._codec) for event in asked])
        await self._apply(heard)
        await self._store.deliveries.forget(GROUP, [place for place in places if self._dice.randrange(KILLED)])
        await self._letter(records[0])
        following = {(place.topic, place.partition): replace(place, position=place.position + 1) for place in places}
        await self._consumer.commit(list(following.values()))

    async def _apply(self, heard: Sequence[Delivered]) -> None:
        batches = (heard[at : at + BATCH] for at in range(0, len(heard), BATCH))
        await _beside((self._store.streams.apply(CONSUMER, batch, self._fold) for batch in batches), AT_ONCE)

    async def _letter(self, record: RawRecord) -> None:
        """Somebody put it aside."""
        letter = letter_of(GROUP, record, DeadLetter("hung", "it did not end"), await self._store.now())
        await self._store.dead_letters.put(letter, [])
        await self._store.dead_letters.settle(letter.id, "discarded")


async def _beside(works: Iterable[Awaitable[object]], most: int = BESIDE) -> None:
    waiting = iter(works)

    async def worker() -> None:
        for work in waiting:
            await work

    await asyncio.gather(*(worker() for _ in range(most)))
