"""What metrics and the log say of stored facts."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.enums import AnswerOutcome, ControlAction, ErrorClassification, RunOutcome, Stage
from penstock_contracts.facts import AstCompleted, AttemptScheduled, StageTime, WorkflowFinished
from penstock_orchestrator.observing import Observer
from penstock_runtime.metrics import Metrics
from tests.unit.penstock_orchestrator.pull_request import START, PullRequestUnderTest, reading

RETRIED = "a part will be asked again"
GIVEN_UP = "a part is given up"


class Heard:
    """A pull request, and what an observer said of all that was stored of it."""

    def __init__(self) -> None:
        self.pr = PullRequestUnderTest()
        self.registry = CollectorRegistry()

    def hear(self) -> None:
        Observer(Metrics(self.registry)).hear(self.pr.stored)

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def reviewing(self) -> str:
        run = self.pr.receive()
        self.pr.read(run)
        return run


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Heard:
    caplog.set_level(logging.INFO, logger="penstock_orchestrator.observing")
    return Heard()


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    return [vars(record) for record in caplog.records if record.message == message]


def test_each_retry_and_the_end_of_the_attempts_is_counted_and_logged(
    heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    run = heard.reviewing()
    for _ in range(3):
        heard.pr.fail(heard.pr.last_request(run, Stage.AST))
        heard.pr.pass_time(seconds=60)

    heard.hear()

    assert heard.value("retries_total", what="ast") == 2
    assert heard.value("retries_exhausted_total", what="ast") == 1
    retried = lines(caplog, RETRIED)
    assert [(line["attempt"], line["maximum"]) for line in retried] == [(2, 3), (3, 3)]
    delays = [fact.due for fact in heard.pr.said(AttemptScheduled)]
    assert [line["delay"] for line in retried] == [
        round((due - said).total_seconds(), 3)
        for due, said in zip(delays, [START, START + timedelta(seconds=60)], strict=True)
    ]
    assert {(line["workflow"], line["stage"], line["reason"]) for line in retried} == {
        (run, "ast", "transient: it broke")
    }
    (end,) = lines(caplog, GIVEN_UP)
    assert (end["attempt"], end["maximum"], end["stream"]) == (3, 3, heard.pr.state.stream)
    assert end["reason"] == "attempt 3 of 3 failed (transient): it broke"


def test_a_failure_for_good_is_the_end_of_its_only_attempt(heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    run = heard.reviewing()
    heard.pr.fail(heard.pr.last_request(run, Stage.PR_REVIEW), ErrorClassification.PERMANENT)

    heard.hear()

    assert heard.value("retries_total", what="pr_review") == 0
    (end,) = lines(caplog, GIVEN_UP)
    assert (end["attempt"], end["maximum"]) == (1, 1)


def test_a_part_without_an_answer_is_given_up_at_its_deadline_and_counted(
    heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    heard.reviewing()
    heard.pr.pass_time(minutes=60)

    heard.hear()

    assert heard.value("retries_exhausted_total", what="ast") == 1
    assert {(line["attempt"], line["maximum"]) for line in lines(caplog, GIVEN_UP)} == {(1, 3)}


def test_an_attempt_that_follows_no_failure_is_no_retry(heard: Heard, caplog: pytest.LogCaptureFixture) -> None:
    """What a resumed run asks again was not tried in vain."""
    run = heard.reviewing()
    heard.pr.fail(heard.pr.last_request(run, Stage.AST))
    heard.pr.control(ControlAction.PAUSE, run)
    heard.pr.control(ControlAction.RESUME, run)
    assert [fact.reason for fact in heard.pr.said(AttemptScheduled)] == ["transient: it broke", "resumed"]

    heard.hear()

    assert heard.value("retries_total", what="ast") == 1
    assert len(lines(caplog, RETRIED)) == 1


@pytest.mark.parametrize("outcome", [AnswerOutcome.OK, AnswerOutcome.FAILED])
def test_an_answer_says_how_long_its_stage_worked(heard: Heard, outcome: AnswerOutcome) -> None:
    run = heard.reviewing()
    request = heard.pr.last_request(run, Stage.AST)
    heard.pr.answer(request, AstCompleted(outcome, started_at=START, duration=1.5))

    heard.hear()

    labels = {"stage": "ast", "outcome": str(outcome)}
    assert heard.value("pipeline_stage_duration_seconds_sum", **labels) == 1.5
    assert heard.value("pipeline_stage_duration_seconds_count", **labels) == 1


def test_a_light_stage_counts_under_its_own_name(heard: Heard) -> None:
    run = heard.pr.receive()
    times = (StageTime("ResolveConfig", START, 0.25), StageTime("FineTuning", START, 0.0, "skipped"))
    heard.pr.answer(
        heard.pr.last_request(run, Stage.PREPARE), replace(reading(), started_at=START, duration=0.5, stages=times)
    )

    heard.hear()

    sums = "pipeline_stage_duration_seconds_sum"
    assert heard.value(sums, stage="prepare", outcome="ok") == 0.5
    assert heard.value(sums, stage="ResolveConfig", outcome="ok") == 0.25
    assert heard.value("pipeline_stage_duration_seconds_count", stage="FineTuning", outcome="skipped") == 1


def test_an_answer_that_says_no_times_is_not_measured(heard: Heard) -> None:
    """Such as one that stands for a dead letter."""
    heard.pr.fail(heard.pr.last_request(heard.reviewing(), Stage.AST))

    heard.hear()

    assert heard.value("pipeline_stage_duration_seconds_count", stage="ast", outcome="failed") == 0


def test_a_run_that_is_over_says_how_long_it_took(heard: Heard) -> None:
    heard.reviewing()
    heard.pr.now += timedelta(seconds=42)
    heard.pr.answer_everything()
    assert [fact.outcome for fact in heard.pr.said(WorkflowFinished)] == [RunOutcome.REVIEWED]

    heard.hear()

    assert heard.value("workflow_run_duration_seconds_sum", outcome="reviewed") == 42.0


def test_a_run_that_was_finished_by_an_older_version_is_not_measured(heard: Heard) -> None:
    heard.reviewing()
    heard.pr.answer_everything()
    last = heard.pr.stored.pop()
    assert isinstance(last.fact, WorkflowFinished)
    heard.pr.stored.append(replace(last, fact=replace(last.fact, opened_at=None)))

    heard.hear()

    assert heard.value("workflow_run_duration_seconds_count", outcome="reviewed") == 0


def test_an_event_that_stalled_is_counted_by_its_kind(heard: Heard) -> None:
    run = heard.reviewing()
    event = heard.pr.answer_to(heard.pr.last_request(run, Stage.AST))
    heard.pr.stored += heard.pr.fold.stall(heard.pr.state, event, "it broke", "look", heard.pr.now)

    heard.hear()

    assert heard.value("workflow_stalled_total", event_type="ast.completed") == 1
