import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer

from penstock_runtime.exporting import exporting
from penstock_runtime.tracing import (
    JOB_PROCESS,
    PIPELINE_EXECUTE,
    event_span,
    extract,
    inject,
    stage_span,
    start_tracing,
)

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_spans_of_a_run_form_one_tree_across_two_processes() -> None:
    spans = InMemorySpanExporter()
    tracing = exporting("test", 1.0, spans)
    with (
        tracing.tracer.start_as_current_span(PIPELINE_EXECUTE),
        tracing.tracer.start_as_current_span(event_span("ast.requested")),
    ):
        carried = inject()
    with (
        tracing.tracer.start_as_current_span(JOB_PROCESS, context=extract(*carried)),
        tracing.tracer.start_as_current_span(stage_span("ast"), attributes={"stage.type": "heavy"}),
    ):
        pass
    tracing.shutdown()
    found = {span.name: span for span in spans.get_finished_spans()}
    parents = {name: span.parent.span_id if span.parent else None for name, span in found.items()}
    ids = {name: span.context.span_id for name, span in found.items() if span.context}
    assert parents == {
        "pipeline.executor.execute": None,
        "workflow.event.ast.requested": ids["pipeline.executor.execute"],
        "workflow.job.process": ids["workflow.event.ast.requested"],
        "pipeline.stage.ast": ids["workflow.job.process"],
    }
    assert len({span.context.trace_id for span in found.values() if span.context}) == 1
    assert found["pipeline.stage.ast"].resource.attributes["service.name"] == "penstock-test"


def test_sampling_at_zero_keeps_new_traces_out_and_those_that_came_in_sampled() -> None:
    spans = InMemorySpanExporter()
    tracing = exporting("test", 0.0, spans)
    with tracing.tracer.start_as_current_span("new"):
        pass
    with tracing.tracer.start_as_current_span("continued", context=extract(PARENT)):
        pass
    tracing.shutdown()
    assert [span.name for span in spans.get_finished_spans()] == ["continued"]


def test_a_process_that_exports_nothing_still_passes_the_trace_on() -> None:
    tracing = start_tracing("test", {}, 1.0)
    assert isinstance(tracing.tracer, NoOpTracer)
    with tracing.tracer.start_as_current_span("x", context=extract(PARENT, "vendor=1")):
        assert inject() == (PARENT, "vendor=1")
    tracing.shutdown()


def test_outside_of_any_span_nothing_is_injected() -> None:
    assert inject() == ("", "")


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "garbage",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        PARENT + "-more",
    ],
)
def test_a_header_that_cannot_be_read_starts_a_new_trace(traceparent: str) -> None:
    with NoOpTracer().start_as_current_span("x", context=extract(traceparent)):
        assert inject() == ("", "")


def test_a_later_version_of_the_header_may_say_more() -> None:
    with NoOpTracer().start_as_current_span("x", context=extract("01" + PARENT[2:] + "-more")):
        assert inject()[0] == PARENT


def test_a_process_without_an_endpoint_imports_neither_sdk_nor_http_client_nor_validation() -> None:
    program = (
        "import sys, penstock_runtime.service\n"
        "print([m for m in ('opentelemetry.sdk', 'httpx', 'pydantic', 'uvicorn', 'requests') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert ended.stdout == "[]\n"
