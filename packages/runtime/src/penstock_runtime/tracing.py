"""Traces in OpenTelemetry's terms, carried between processes in W3C headers.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is sampled or exported and the SDK is not even imported; the trace that came
in is still passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer, TraceState
from opentelemetry.trace.propagation import set_span_in_context

from penstock_runtime.errors import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

PIPELINE_EXECUTE = "pipeline.executor.execute"
"""A run. Attributes: pipeline.name, pipeline.stage_count, job.id."""
JOB_PROCESS = "workflow.job.process"
"""A job in a worker. Attributes: job.id, job.type."""


def stage_span(stage: str) -> str:
    """The name of the span of a stage. Attributes: stage.name, stage.type (light or heavy)."""
    return f"pipeline.stage.{stage}"


def event_span(event_type: str) -> str:
    """The name of the span in which an event is handled."""
    return f"workflow.event.{event_type}"


@dataclass(frozen=True, slots=True)
class Tracing:
    """A process's tracer, and how to flush what it has not exported yet."""

    tracer: Tracer
    shutdown: Callable[[], None]


def start_tracing(name: str, environ: Mapping[str, str], sampling: float) -> Tracing:
    """Export to the OTLP endpoint that `environ` names, else trace nothing.

    `sampling` is the share of new traces that are kept; a trace that came in keeps the decision it came with.
    """
    base = environ.get(ENDPOINT, "")
    endpoint = environ.get(TRACES_ENDPOINT) or (f"{base.rstrip('/')}/v1/traces" if base else "")
    if not endpoint:
        return Tracing(trace.NoOpTracer(), _nothing)
    try:
        from penstock_runtime.exporting import exporting, otlp
    except ModuleNotFoundError as error:
        problem = f"{ENDPOINT} is set but {error.name} is not installed: install penstock-runtime[otlp], or unset it"
        raise SettingsError((problem,)) from error
    return exporting(name, sampling, otlp(endpoint))


def _nothing() -> None:
    pass


def inject() -> tuple[str, str]:
    """(traceparent, tracestate) of the span we are in; empty texts when there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return "", ""
    return (
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}",
        context.trace_state.to_header(),
    )


def extract(traceparent: str, tracestate: str = "") -> Context:
    """The context to start a span in, from W3C headers; an empty one when they say nothing that can be read."""
    parent = _span_context(traceparent, tracestate)
    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())


def _span_context(traceparent: str, tracestate: str) -> SpanContext | None:
    version, _, rest = traceparent.partition("-")
    parts = rest.split("-")
    known = version != "ff" and len(version) == 2 and (len(parts) == 3 if version == "00" else len(parts) >= 3)
    if not known or [len(part) for part in parts[:3]] != [32, 16, 2]:
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[:3])
    except ValueError:
        return None
    state = TraceState.from_header([tracestate]) if tracestate else TraceState()
    found = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state)
    return found if found.is_valid else None


def log_ids() -> dict[str, object]:
    """The ids of the span we are in, for a log line."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
