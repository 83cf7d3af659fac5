"""The heavy half of tracing: SDK and OTLP exporter, imported only when there is an endpoint to export to."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from penstock_runtime.tracing import Tracing


def otlp(endpoint: str) -> SpanExporter:
    """OTLP over HTTP to this full address; headers, certificates and time-outs come from the OTEL_* variables."""
    return OTLPSpanExporter(endpoint=endpoint)


def exporting(name: str, sampling: float, exporter: SpanExporter) -> Tracing:
    """A tracer whose spans go to `exporter` in batches, from a thread of the SDK."""
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(sampling)),
        resource=Resource.create({SERVICE_NAME: f"penstock-{name}"}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider.get_tracer("penstock"), provider.shutdown)
