"""Streams, the rows that follow from them, and timers: memory and PostgreSQL answer the same, whatever was before."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from penstock_contracts.ids import run_id
from penstock_store.memory import streams as memory
from penstock_store.ports import Store
from penstock_store.rows import Delivered, JobFilter
from tests.integration.penstock_store.asking_both import AsksBoth, play
from tests.sim.planted import forgetful
from tests.support.toy_fold import ToyFold, fired, received, redrive_of, resolved

CONSUMER = "orchestrator"
NAMES = ("toy:host:1:7", "toy:host:1:8")
STREAMS, NUMBERS = st.sampled_from(NAMES), st.integers(0, 4)
COMMANDS = st.sampled_from(("", "", "", "raise", "huge", "misread", "needs run", "nothing", "rearm"))
FOLDS = st.builds(
    ToyFold,
    version=st.sampled_from((1, 1, 2)),
    refuses_to_stall=st.sampled_from((False, False, False, True)),
    ignores_timers=st.sampled_from((False, False, True)),
)


class BothStreams(AsksBoth):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    @rule(seconds=st.sampled_from((0.5, 70.0, 4_000.0)))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(said=st.lists(st.tuples(STREAMS, NUMBERS, COMMANDS), min_size=1, max_size=4), fold=FOLDS)
    def apply(self, said: list[tuple[str, int, str]], fold: ToyFold) -> None:
        batch = [received(f"{stream} {number} {command}", stream, command) for stream, number, command in said]
        self.both(partial(_applied, CONSUMER, batch, fold))

    @rule(stream=STREAMS, number=NUMBERS, fold=FOLDS)
    def answer(self, stream: str, number: int, fold: ToyFold) -> None:
        run = run_id(stream, f"{stream} {number} ")
        self.both(partial(_applied, CONSUMER, [resolved(f"answer of {run}", run, stream)], fold))

    @rule(fold=FOLDS, twice=st.booleans())
    def fire(self, fold: ToyFold, twice: bool) -> None:
        due = self.both(lambda store: store.timers.due(10))
        for _ in range(1 + twice):
            self.both(partial(_applied, "timers", [fired(timer) for timer in due], fold))

    @rule(stream=STREAMS, number=NUMBERS, fold=FOLDS)
    def stall(self, stream: str, number: int, fold: ToyFold) -> None:
        event = received(f"{stream} {number} ", stream)
        self.both(lambda store: store.streams.stall(CONSUMER, event, fold, "poison", "look at it"))

    @rule(number=NUMBERS, healed=st.booleans(), again=st.booleans())
    def redrive(self, number: int, healed: bool, again: bool) -> None:
        letters = self.both(lambda store: store.dead_letters.letters())
        if letters:
            self.asked += not again
            request = redrive_of(letters[number % len(letters)], f"request {self.asked}")
            self.both(lambda store: store.streams.redrive(CONSUMER, request, ToyFold(healed=healed)))

    @rule(stream=STREAMS, fold=FOLDS)
    def mend(self, stream: str, fold: ToyFold) -> None:
        self.both(lambda store: store.streams.mend(stream, fold))

    @invariant()
    def they_show_the_same(self) -> None:
        if not hasattr(self, "real"):
            return
        for stream in NAMES:
            self.both(partial(_shown, stream))
        self.both(_standing)
        self.both(_unsent)


async def _applied(consumer: str, batch: Sequence[Delivered], fold: ToyFold, store: Store) -> Any:
    return list(await store.streams.apply(consumer, batch, fold))


async def _shown(stream: str, store: Store) -> Any:
    row, facts = await store.streams.load(stream), await store.streams.facts(stream)
    known = None if row is None else (row.sequence, row.subject, row.fold_version, row.packed())
    jobs = await store.jobs.jobs(JobFilter(stream=stream))
    histories = [list(await store.jobs.history(job.id)) for job in jobs]
    return known, list(facts), list(jobs), histories, await store.jobs.subject(stream)


async def _standing(store: Store) -> Any:
    stuck = sorted(await store.jobs.stuck(timedelta(seconds=60)), key=lambda job: job.id)
    found = [await store.timers.due(100), stuck]
    found += [await store.jobs.under_way(), await store.jobs.pending(10), await store.dead_letters.letters()]
    return [list(rows) for rows in found], await store.timers.next_due(), await store.streams.refold_all(ToyFold())


async def _unsent(store: Store) -> Any:
    """Their numbers have gaps where something was undone."""
    rows = await store.outbox.unsent(range(64), 1_000)
    return [(row.stream, row.topic, row.key, row.spread, row.headers, row.value) for row in rows]


def test_streams_and_timers_are_the_same_in_memory_and_on_postgresql(simulated_url: str) -> None:
    play(BothStreams, simulated_url, examples=8, steps=15)


def test_a_model_that_forgets_what_it_has_received_is_found(simulated_url: str) -> None:
    with patch.object(memory._Transactions, "_receive", forgetful), pytest.raises(AssertionError):
        play(BothStreams, simulated_url, examples=8, steps=15)
