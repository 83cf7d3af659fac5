"""How large a stored state is under each strategy, and how fast answers are applied to it in a real, durable database.

    python -m bench.state_encoding [--short]

Streams of about 5, 50 and 500 KB of state, made of real facts of the orchestrator. Each strategy has a stream of its
own; they take turns. What is measured is the whole of `apply`, since that is what a strategy may make slower; packing
and unpacking alone, the bytes that are kept and what the server writes ahead for an answer stand beside.
Bounds: at any size the default applies at least 0.9 times as many as the plain state; the plain one writes at least
0.9, 2 and 5 times as much ahead.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import psycopg

from bench.alternate import ROUNDS
from bench.figures import Figure, Side, alone
from bench.setup import ground
from penstock_contracts.enums import PullRequestKind, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import (
    Answer,
    AstCompleted,
    Batch,
    ConfigResolved,
    Fact,
    FilesReviewCompleted,
    PrReceived,
    PrReviewCompleted,
)
from penstock_contracts.ids import answer_id, delivery_event_id, run_id, stream_of, subject_of
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_runtime.retry import STANDARD
from penstock_store.encoding import DEFAULT, Packed, StateEncoding, pack, unpack
from penstock_store.folding import refolded
from penstock_store.postgres import PostgresStore
from penstock_store.rows import Delivered, RawRecord

CONSUMER = "orchestrator"
RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD), window=10_000)
BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
FLOOR = 0.9
TOGETHER = 40
"""Events of the preparation that share a transaction."""


@dataclass(frozen=True, slots=True)
class Size:
    """Runs of so many batches each; the last one's are answered until it is half through, the rest while measuring."""

    name: str
    runs: int
    batches: int
    answers: int
    """Measured ones of a turn."""
    spared: float
    """The bound of what is written ahead."""


SIZES = (Size("5 KB", 1, 8, 4, 0.9), Size("50 KB", 1, 130, 8, 2), Size("500 KB", 2, 640, 8, 5))


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The events of one stream, which the store alone decides about."""

    number: int

    def received(self, run: int) -> Delivered:
        kind = PullRequestKind.UPDATED if run else PullRequestKind.OPENED
        fact = PrReceived(kind, "github", "github.com", "42", "acme/shop", self.number, f"{self.number}/{run}")
        return self._delivered(delivery_event_id("github.com", fact.delivery_id), fact, subject=subject_of(fact))

    def read(self, run: int, batches: int) -> Delivered:
        manifest = tuple(Batch(index, 8, _blob("manifest", run, index)) for index in range(batches))
        blobs = [_blob(name, run) for name in ("config", "change", "manifest")]
        head, base = _blob("head", run)[:40], _blob("base")[:40]
        fact = ConfigResolved(
            head=head,
            base=base,
            manifest=manifest,
            config_blob=blobs[0],
            change_blob=blobs[1],
            manifest_blob=blobs[2],
            started_at=BEGAN,
        )
        return self.answered(run, Stage.PREPARE, "", fact)

    def answered(self, run: int, stage: Stage, part: str, fact: Answer) -> Delivered:
        workflow = self.run(run)
        return self._delivered(answer_id(workflow, stage, part, 1), fact, run=workflow, stage=stage, part=part)

    def batch(self, run: int, index: int) -> Delivered:
        fact = FilesReviewCompleted(blob=_blob("findings", run, index), started_at=BEGAN, duration=6.93 + index / 7)
        return self.answered(run, Stage.FILES_REVIEW, str(index), fact)

    def run(self, run: int) -> str:
        return run_id(self.stream, delivery_event_id("github.com", f"{self.number}/{run}"))

    @property
    def stream(self) -> str:
        return stream_of(PrReceived(PullRequestKind.OPENED, "github", "github.com", "42", "", self.number, ""))

    def _delivered(
        self, event_id: str, fact: Fact, *, subject: str = "", run: str = "", stage: str = "", part: str = ""
    ) -> Delivered:
        envelope = Envelope(
            id=event_id,
            type=fact.TYPE,
            source="bench",
            time=BEGAN,
            stream=self.stream,
            subject=subject,
            workflow_id=run,
            stage=stage,
            part=part,
            attempt=1 if stage else 0,
        )
        return Delivered(Event(envelope, fact), RawRecord(fact.TYPE, 0, 0, self.stream.encode(), (), None))


def half_through(pull: PullRequest, size: Size) -> Iterator[Delivered]:
    last = size.runs - 1
    for run in range(size.runs):
        yield pull.received(run)
        yield pull.read(run, size.batches)
        yield pull.answered(run, Stage.AST, "", AstCompleted(blob=_blob("graph", run), started_at=BEGAN))
        yield pull.answered(run, Stage.PR_REVIEW, "", PrReviewCompleted(blob=_blob("whole", run), started_at=BEGAN))
    for index in range(size.batches // 2):
        yield pull.batch(last, index)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one strategy at one size."""

    rates: tuple[float, ...]
    kept: int
    ahead: tuple[float, ...]
    """Bytes of the server's log for an answer."""
    packing: float
    unpacking: float

    def said(self, name: str) -> str:
        times = f"{self.packing * 1e6:,.0f}+{self.unpacking * 1e6:,.0f} µs"
        return (
            f"{name} {statistics.median(self.rates):,.0f}/s, {self.kept / 1000:,.1f} KB, "
            f"{statistics.mean(self.ahead) / 1000:,.1f} KB ahead, {times}"
        )


class Turns:
    """One size: each strategy has streams enough for its share of the answers, and a store that writes so."""

    def __init__(self, url: str, size: Size, rounds: int) -> None:
        self._url, self._size, self._rounds = url, size, rounds
        self._fold = OrchestratorFold(RULES)
        self._stores: dict[StateEncoding, PostgresStore] = {}
        self._waiting: dict[StateEncoding, list[Delivered]] = {}

    async def measure(self) -> Mapping[StateEncoding, Measured]:
        rates: dict[StateEncoding, list[float]] = {strategy: [] for strategy in StateEncoding}
        ahead: dict[StateEncoding, list[float]] = {strategy: [] for strategy in StateEncoding}
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            for strategy in StateEncoding:
                await self._prepare(strategy)
            await connection.execute("checkpoint")
            for _ in range(self._rounds):
                for strategy in StateEncoding:
                    before = await _position(connection)
                    rates[strategy].append(await self._turn(strategy))
                    ahead[strategy].append(float(await _position(connection) - before) / self._size.answers)
            found = {
                strategy: await self._measured(connection, strategy, rates[strategy], ahead[strategy])
                for strategy in StateEncoding
            }
        for store in self._stores.values():
            await store.close()
        return found

    async def _prepare(self, strategy: StateEncoding) -> None:
        store = await PostgresStore.open(self._url, encoding=strategy)
        self._stores[strategy], self._waiting[strategy] = store, []
        wanted = self._rounds * self._size.answers
        number = 0
        while len(self._waiting[strategy]) < wanted:
            number += 1
            pull = PullRequest(self._number(strategy, number))
            events = list(half_through(pull, self._size))
            for at in range(0, len(events), TOGETHER):
                await store.streams.apply(CONSUMER, events[at : at + TOGETHER], self._fold)
            last, half = self._size.runs - 1, self._size.batches // 2
            # One answer on its own, so that a delta has its base; one stays out, so that the review is not over.
            await store.streams.apply(CONSUMER, [pull.batch(last, half)], self._fold)
            self._waiting[strategy] += [pull.batch(last, at) for at in range(half + 1, self._size.batches - 1)]

    def _number(self, strategy: StateEncoding, number: int) -> int:
        sizes = [size.name for size in SIZES]
        return (sizes.index(self._size.name) * 10 + list(StateEncoding).index(strategy)) * 1000 + number

    async def _turn(self, strategy: StateEncoding) -> float:
        waiting, store = self._waiting[strategy], self._stores[strategy]
        mine = [waiting.pop(0) for _ in range(self._size.answers)]
        began = time.perf_counter()
        for one in mine:
            await store.streams.apply(CONSUMER, [one], self._fold)
        return len(mine) / (time.perf_counter() - began)

    async def _measured(
        self,
        connection: psycopg.AsyncConnection,
        strategy: StateEncoding,
        rates: Sequence[float],
        ahead: Sequence[float],
    ) -> Measured:
        """The state itself is folded from the facts, which all strategies have."""
        pull = PullRequest(self._number(strategy, 1))
        state = refolded(self._fold, pull.stream, await self._stores[strategy].streams.facts(pull.stream))
        row = await self._stores[strategy].streams.load(pull.stream)
        assert row is not None
        packing, unpacking = _alone(strategy, self._fold.encode(state), row.packed())
        cursor = await connection.execute(
            "select pg_column_size(state) + pg_column_size(base) from workflow.streams where stream = %s",
            (pull.stream,),
        )
        kept = await cursor.fetchone()
        assert kept is not None
        return Measured(tuple(rates), kept[0], tuple(ahead), packing, unpacking)


def _alone(strategy: StateEncoding, state: bytes, before: Packed) -> tuple[float, float]:
    """Seconds to pack and to unpack, without a database."""
    times = max(5, 2_000_000 // len(state))
    began = time.perf_counter()
    for _ in range(times):
        packed = pack(strategy, state, before)
    between = time.perf_counter()
    for _ in range(times):
        unpack(packed)
    return (between - began) / times, (time.perf_counter() - between) / times


async def _position(connection: psycopg.AsyncConnection) -> int:
    found = await (await connection.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn")).fetchone()
    assert found is not None
    return int(found[0])


def _blob(*words: object) -> str:
    """Like the name of a real blob it does not compress."""
    return sha256("/".join(map(str, words)).encode()).hexdigest()


async def figures(url: str, size: Size, rounds: int) -> tuple[Figure, Figure]:
    measured = await Turns(url, size, rounds).measure()
    chosen, full = measured[DEFAULT], measured[StateEncoding.FULL]
    beside = "; ".join(one.said(strategy) for strategy, one in measured.items())
    applied = tuple(own / plain for own, plain in zip(chosen.rates, full.rates, strict=True))
    # In sums: a new base is written all at once, for many answers.
    spared = (sum(full.ahead) / sum(chosen.ahead),)
    return (
        Figure(
            f"state: answers applied to {size.name}, {DEFAULT} against full",
            applied,
            Side.AT_LEAST,
            FLOOR,
            beside=beside,
        ),
        Figure(f"state: written ahead for {size.name}, full against {DEFAULT}", spared, Side.AT_LEAST, size.spared),
    )


def main(short: bool) -> Sequence[Figure]:
    rounds = ROUNDS if short else 4 * ROUNDS
    with ground() as on:
        return [one for size in SIZES for one in asyncio.run(figures(on.database_url, size, rounds))]


if __name__ == "__main__":
    sys.exit(alone(main))
