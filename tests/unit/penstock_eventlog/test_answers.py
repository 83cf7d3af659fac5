"""What follows from an event, in its envelope."""

from dataclasses import replace
from datetime import timedelta

import pytest

from penstock_contracts.enums import AnswerOutcome, ErrorClassification, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.facts import ANSWERS, Answer, AstCompleted, FilesReviewCompleted
from penstock_contracts.flow import STAGES
from penstock_contracts.ids import answer_id, inner_id
from penstock_eventlog.answers import Handling, NotAnAnswer, answer, consequences, failed_answer, is_request
from penstock_eventlog.outcomes import Failed
from penstock_eventlog.records import record_of
from tests.unit.penstock_eventlog.events import CODEC, NOW, ast_requested, files_requested, pr_received

HANDLING = Handling("penstock/ast", NOW, 2.5)


def test_an_answer_carries_what_its_request_carried() -> None:
    request = files_requested("run", 7).envelope
    said = answer(request, (FilesReviewCompleted(findings=2),), HANDLING).envelope
    kept = ("stream", "subject", "workflow_id", "epoch", "stage", "part", "attempt", "correlation_id", "traceparent")
    assert [getattr(said, name) for name in kept] == [getattr(request, name) for name in kept]
    assert said.causation_id == request.id
    assert said.not_after is None
    assert said.type == "files.review.completed"


def test_what_follows_happened_when_the_handling_ended() -> None:
    ended = NOW + timedelta(seconds=2.5)
    request = ast_requested("run").envelope
    assert answer(request, (AstCompleted(),), HANDLING).envelope.time == ended
    assert consequences(pr_received("s", 1).envelope, (AstCompleted(),), HANDLING)[0].envelope.time == ended


def test_the_id_of_an_answer_does_not_depend_on_what_it_says() -> None:
    request = ast_requested("run").envelope
    ok = answer(request, (AstCompleted(symbols=1),), HANDLING)
    failed = failed_answer(request, Failed(ErrorClassification.TRANSIENT, "no", 30.0), HANDLING)
    assert ok.envelope.id == failed.envelope.id == answer_id("run", Stage.AST, "", 1)
    assert answer(replace(request, attempt=2), (AstCompleted(),), HANDLING).envelope.id != ok.envelope.id


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_of_any_stage_is_said_in_the_answer_of_that_stage(stage: Stage) -> None:
    row = STAGES[stage]
    request = replace(ast_requested("run").envelope, type=row.request.TYPE, stage=stage)
    fact = failed_answer(request, Failed(ErrorClassification.RATE_LIMITED, "slow down", 42.0), HANDLING).fact
    assert isinstance(fact, row.answer)
    assert isinstance(fact, Answer)
    assert (fact.outcome, fact.error_class) == (AnswerOutcome.FAILED, ErrorClassification.RATE_LIMITED)
    assert (fact.error, fact.retry_after, fact.started_at, fact.duration) == ("slow down", 42.0, NOW, 2.5)


def test_times_that_the_handler_measured_itself_are_kept() -> None:
    started = NOW - timedelta(hours=1)
    fact = answer(ast_requested("run").envelope, (AstCompleted(started_at=started, duration=9.0),), HANDLING).fact
    assert isinstance(fact, AstCompleted)
    assert (fact.started_at, fact.duration) == (started, 9.0)


@pytest.mark.parametrize("facts", [(), (AstCompleted(), AstCompleted()), (FilesReviewCompleted(),)])
def test_a_request_is_answered_with_one_fact_of_its_stage(facts: tuple[Answer, ...]) -> None:
    with pytest.raises(NotAnAnswer):
        answer(ast_requested("run").envelope, facts, HANDLING)


def test_an_answer_travels_on_the_stream_and_so_stays_in_order() -> None:
    said = answer(files_requested("run", 3).envelope, (FilesReviewCompleted(),), HANDLING)
    record = record_of(said, CODEC)
    assert (record.topic, record.key, record.spread) == ("files.review.completed", "stream of run", None)


def test_the_trace_of_the_handling_goes_on_where_there_is_one() -> None:
    request = ast_requested("run").envelope
    inside = replace(HANDLING, traceparent="00-a-b-01", tracestate="x=y")
    assert answer(request, (AstCompleted(),), inside).envelope.traceparent == "00-a-b-01"
    assert answer(request, (AstCompleted(),), HANDLING).envelope.traceparent == request.traceparent


def test_what_follows_from_another_fact_has_ids_of_its_own() -> None:
    cause: Envelope = pr_received("stream").envelope
    first, second = consequences(cause, (AstCompleted(), AstCompleted()), HANDLING)
    assert [event.envelope.id for event in (first, second)] == [inner_id(cause.id, 0), inner_id(cause.id, 1)]
    assert first.envelope.stream == "stream"


def test_a_request_asks_on_its_own_topic_only() -> None:
    assert is_request("ast.requested", "ast.requested")
    assert not is_request("workflow.events", "ast.requested")
    assert not any(is_request(fact.TYPE, fact.TYPE) for fact in ANSWERS)
