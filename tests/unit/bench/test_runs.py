"""The events that the orchestrator is measured with are those of whole runs."""

from collections import Counter

import pytest

from bench.orchestrator import WAYS, Round, figure
from bench.runs import BEGAN, waves, webhook
from penstock_contracts.enums import RunOutcome, Stage
from penstock_contracts.event import Event
from penstock_contracts.facts import ANSWERS, Fact, PrReceived, WorkflowFinished
from penstock_orchestrator.fold import OrchestratorFold
from penstock_orchestrator.rules import Rules
from penstock_runtime.retry import STANDARD

FOLD = OrchestratorFold(Rules(schedules=dict.fromkeys(Stage, STANDARD)))


def test_what_is_heard_of_a_run_brings_it_to_its_end() -> None:
    received = webhook("shop", 7)
    state = FOLD.initial(received.envelope.stream)
    said: list[Event[Fact]] = []
    for wave in waves(FOLD, received, batches=5):
        for event in wave:
            facts = FOLD.decide(state, event, BEGAN)
            for fact in facts:
                state = FOLD.evolve(state, fact)
            said += facts
    (finished,) = [event.fact for event in said if isinstance(event.fact, WorkflowFinished)]
    assert finished.outcome is RunOutcome.REVIEWED
    assert state.open_runs() == ()


def test_a_run_hears_every_kind_of_answer_and_one_for_each_batch() -> None:
    heard = Counter(event.fact.TYPE for wave in waves(FOLD, webhook("shop", 7), batches=5) for event in wave)
    assert heard.keys() == {PrReceived.TYPE, *(answer.TYPE for answer in ANSWERS)}
    assert heard["files.review.completed"] == 5
    assert heard["comments.published"] == 2


def test_no_two_pull_requests_of_a_bench_share_a_stream() -> None:
    streams = {webhook(label, number).envelope.stream for label in ("a", "b") for number in range(1_000)}
    assert len(streams) == 2_000


def test_events_a_second_are_those_until_the_last_was_applied() -> None:
    one = Round(events=1_000, facts=2_000, seconds=0.5, published=1.0, used={"orchestrator": 0.4})
    taken = figure(WAYS[0], [one, one])
    assert taken.median == pytest.approx(2_000)
    assert "0.5 s after" in taken.beside
    assert "orchestrator 0.40" in taken.beside
