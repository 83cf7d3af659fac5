"""Jobs that a crash, or a hand in the database, left behind: found again at the start, or within two minutes."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.enums import JobStatus, PullRequestKind, RepairAction, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import PrReceived, RepairRequested
from penstock_contracts.ids import delivery_event_id, run_id, stream_of, subject_of
from penstock_eventlog.housekeeping import Housekeeper
from penstock_eventlog.timers import TimerScanner, fired
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.mending import EVERY, GRACE, MENDING, Mending
from penstock_orchestrator.rules import Rules
from penstock_orchestrator.state import StreamState, TimerKind
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_runtime.retry import STANDARD
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import DeadLetterRow, Delivered, JobRow, LetterFilter, RawRecord, TimerRow

RULES = Rules(schedules=dict.fromkeys(Stage, STANDARD))
RECEIVED = PrReceived(PullRequestKind.OPENED, "github", "github.com", "42", "acme/shop", 7, "d0")
STREAM = stream_of(RECEIVED)
EVENT_ID = delivery_event_id("github.com", "d0")
RUN = run_id(STREAM, EVENT_ID)
BROKEN = 250
"""More than a look of the mender, and a turn of the timer scanner, takes at once."""


class Installation:
    """A store with one run in it, and what an orchestrator that is started now would drive."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.fold = OrchestratorFold(RULES)
        self.metrics = Metrics(CollectorRegistry())

    async def open_run(self) -> None:
        envelope = Envelope(EVENT_ID, RECEIVED.TYPE, "penstock/ingest", self.clock.now(), STREAM, subject_of(RECEIVED))
        record = RawRecord("pr.received", 0, 0, STREAM.encode(), (), None)
        await self.store.streams.apply("orchestrator", [Delivered(Event(envelope, RECEIVED), record)], self.fold)

    async def stall_something(self) -> None:
        envelope = Envelope("lost", RECEIVED.TYPE, "penstock/ingest", self.clock.now(), STREAM, subject_of(RECEIVED))
        lost = Delivered(Event(envelope, RECEIVED), RawRecord("pr.received", 0, 1, STREAM.encode(), (), None))
        await self.store.streams.stall("orchestrator", lost, self.fold, "KeyError: x", "redrive it")

    async def discard(self, letter: DeadLetterRow) -> None:
        stuck = letter.id, letter.event_id, letter.event_type
        fact = RepairRequested(RepairAction.DISCARD, "ada", "it is old", *stuck)
        envelope = Envelope("discard", fact.TYPE, "console", self.clock.now(), STREAM, workflow_id=letter.run_id)
        await self.store.dead_letters.settle(letter.id, "discarded by ada: it is old")
        record = RawRecord(fact.TYPE, 0, 0, STREAM.encode(), (), None)
        await self.store.streams.apply("orchestrator", [Delivered(Event(envelope, fact), record)], self.fold)

    async def job(self) -> JobRow:
        row = await self.store.jobs.job(RUN)
        assert row is not None
        return row

    def scanner(self) -> TimerScanner[StreamState]:
        return TimerScanner(self.store, self.fold, clock=self.clock, metrics=self.metrics)

    def mender(self, holder: str = "one") -> Housekeeper:
        return Housekeeper(
            [Mending(self.store, self.fold, self.metrics)],
            self.store.leases,
            holder=holder,
            clock=self.clock,
            metrics=self.metrics,
            every=EVERY,
            name=MENDING,
        )

    async def open_another(self, number: int) -> None:
        received = replace(RECEIVED, number=1000 + number, delivery_id=f"d{number + 1}")
        stream, event_id = stream_of(received), f"event-{number}"
        moment = self.clock.now()
        envelope = Envelope(event_id, received.TYPE, "penstock/ingest", moment, stream, subject_of(received))
        record = RawRecord("pr.received", 0, 0, stream.encode(), (), None)
        await self.store.streams.apply("orchestrator", [Delivered(Event(envelope, received), record)], self.fold)

    def break_all_but(self, run: str) -> None:
        """What is stored of the others can neither be read nor be folded from facts."""
        for stream in {row.stream for row in self.store.tables.jobs.values() if row.id != run}:
            row = self.store.tables.streams[stream]
            self.store.tables.streams[stream] = replace(row, state=b"rubbish")
            self.store.tables.facts[stream] = self.store.tables.facts[stream][1:]

    def timers_of(self, run: str) -> Mapping[str, TimerRow]:
        return {key: timer for key, timer in self.store.tables.timers.items() if timer.run_id == run}

    def lose_timers(self) -> None:
        self.store.tables.timers.clear()

    def found_stuck(self) -> float:
        return self.metrics.registry.get_sample_value("workflow_runs_stuck_total") or 0.0


async def test_an_orchestrator_that_was_dead_while_deadlines_passed_acts_on_them_at_once_when_it_starts() -> None:
    installation = Installation()
    await installation.open_run()
    assert (await installation.job()).status is JobStatus.PROCESSING
    installation.clock.advance(3 * 3600)

    await installation.scanner().step()

    assert (await installation.job()).status is JobStatus.FAILED
    assert "deadline" in (await installation.job()).reason or "no answer" in (await installation.job()).reason


async def test_a_run_that_lost_its_timers_is_found_with_the_first_look_and_keeps_its_deadlines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    installation = Installation()
    await installation.open_run()
    before = dict(installation.store.tables.timers)
    installation.lose_timers()

    with caplog.at_level(logging.WARNING):
        wait = await installation.mender().step()

    assert installation.store.tables.timers == before
    assert wait == EVERY
    assert installation.found_stuck() == 1
    assert [(record.getMessage(), vars(record)["workflow"]) for record in caplog.records] == [
        ("a run was stuck: its timers are set again", RUN)
    ]
    assert await installation.store.streams.refold_all(installation.fold) == []


async def test_a_run_whose_timers_were_lost_ends_less_than_two_minutes_beyond_its_deadline() -> None:
    """Also where they are lost at the worst moment: just after a look, with the deadline before the next."""
    installation = Installation()
    await installation.open_run()
    until = (await installation.job()).waiting_until
    assert until is not None
    mender, scanner = installation.mender(), installation.scanner()
    installation.clock.advance((until - installation.clock.now()).total_seconds() - 1)
    await mender.step()
    installation.lose_timers()

    while (await installation.job()).status is JobStatus.PROCESSING:
        installation.clock.advance(EVERY)
        await mender.step()
        await scanner.step()
        assert installation.clock.now() - until < timedelta(minutes=2)

    assert (await installation.job()).status is JobStatus.FAILED
    assert timedelta(seconds=EVERY) + GRACE < timedelta(minutes=2)


async def test_a_run_that_is_in_time_is_left_alone() -> None:
    installation = Installation()
    await installation.open_run()
    before = await installation.store.streams.load(STREAM)

    await installation.mender().step()

    assert installation.found_stuck() == 0
    assert await installation.store.streams.load(STREAM) is before


async def test_a_stalled_run_that_lost_its_timers_gets_them_back_too() -> None:
    installation = Installation()
    await installation.open_run()
    before = dict(installation.store.tables.timers)
    await installation.stall_something()
    assert (await installation.job()).waiting_for.startswith("redrive of")
    installation.lose_timers()

    await installation.mender().step()

    assert installation.store.tables.timers == before
    assert installation.found_stuck() == 1


async def test_a_deadline_that_was_put_aside_ends_its_run_with_the_next_look(caplog: pytest.LogCaptureFixture) -> None:
    installation = Installation()
    await installation.open_run()
    (timer,) = (timer for timer in installation.store.tables.timers.values() if timer.kind == TimerKind.RUN)
    installation.clock.advance(3 * 3600)
    await installation.store.streams.stall("timers", fired(timer), installation.fold, "RowRefused: x", "redrive it")
    installation.lose_timers()
    (letter,) = await installation.store.dead_letters.letters()
    await installation.discard(letter)

    await installation.mender().step()
    await installation.scanner().step()

    assert (await installation.job()).status is JobStatus.FAILED
    await installation.mender().step()
    assert installation.found_stuck() == 1


async def test_one_process_at_a_time_looks() -> None:
    installation = Installation()
    await installation.open_run()
    await installation.store.leases.acquire(MENDING, "another", timedelta(minutes=5))
    installation.lose_timers()

    await installation.mender().step()

    assert installation.store.tables.timers == {}


async def test_a_stream_that_cannot_be_folded_says_so_and_is_left_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    installation = Installation()
    await installation.open_run()
    installation.lose_timers()
    installation.store.tables.facts[STREAM] = installation.store.tables.facts[STREAM][1:]

    with caplog.at_level(logging.WARNING):
        await installation.mender().step()

    assert "a run is stuck, and its facts cannot be folded" in caplog.text
    assert installation.store.tables.timers == {}
    assert installation.found_stuck() == 1


async def test_a_hundred_runs_that_cannot_be_folded_keep_no_other_from_being_mended() -> None:
    installation = Installation()
    await installation.open_run()
    for number in range(BROKEN):
        await installation.open_another(number)
    whole = max(installation.store.tables.jobs)
    before = installation.timers_of(whole)
    installation.lose_timers()
    installation.break_all_but(whole)
    mender = installation.mender()

    while await mender.step() < EVERY:
        pass

    assert before
    assert installation.timers_of(whole) == before == installation.store.tables.timers
    assert installation.found_stuck() == BROKEN + 1
    await mender.step()
    assert installation.store.tables.timers == before


async def test_timers_of_runs_that_cannot_be_folded_keep_no_other_timer_from_being_acted_on() -> None:
    installation = Installation()
    for number in range(BROKEN):
        await installation.open_another(number)
    installation.clock.advance(1)
    await installation.open_run()
    installation.break_all_but(RUN)
    installation.clock.advance(3 * 3600)
    scanner = installation.scanner()

    while await scanner.step() == 0.0:
        pass

    assert (await installation.job()).status is JobStatus.FAILED
    assert len(await installation.store.dead_letters.letters(LetterFilter(reason="stalled", limit=2000))) >= BROKEN
