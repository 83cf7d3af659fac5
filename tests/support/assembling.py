"""A worker put together by its own bootstrap, on a store and a log in memory."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from penstock_contracts.codec import Codec
from penstock_eventlog.memory import MemoryLog
from penstock_eventlog.workbench import Assemble, workbench
from penstock_runtime.clock import ManualClock
from penstock_runtime.logs import Redactor
from penstock_runtime.metrics import Metrics
from penstock_runtime.process import Context, Service
from penstock_runtime.steps import NO_STEPS
from penstock_store.memory.store import MemoryStore


def context_of(environ: Mapping[str, str]) -> Context:
    return Context(
        name="test",
        environ=environ,
        clock=ManualClock(),
        steps=NO_STEPS,
        tracer=NoOpTracer(),
        metrics=Metrics(CollectorRegistry()),
        redactor=Redactor(),
        host="here",
    )


@asynccontextmanager
async def assembled(assemble: Assemble, environ: Mapping[str, str]) -> AsyncIterator[Service]:
    """The service, built and not started, and closed again."""
    context, codec = context_of(environ), Codec()
    bench = workbench(context, MemoryStore(context.clock, codec=codec), MemoryLog(), codec)
    service = bench.owned(await assemble(context, bench))
    try:
        yield service
    finally:
        for close in service.close:
            await close()
