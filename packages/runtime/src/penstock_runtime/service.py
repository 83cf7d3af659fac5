"""One bootstrap for every process: settings, logs, traces, operations port, signals, machines and servers.

    async def build(context: Context) -> Service:
        settings = context.load(IngestSettings)
        ...
        return Service(machines=(relay,), servers=(http,), checks=(database,), close=(pool.close,))

    if __name__ == "__main__":
        run_service("ingest", build)

Exit codes: 0 an orderly end, 1 a failure (one log line names it), 2 settings that somebody has to correct.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import NoReturn

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from penstock_runtime.clock import SystemClock
from penstock_runtime.collecting import collect_rarely
from penstock_runtime.errors import SettingsError, unexplained
from penstock_runtime.logs import Redactor, log_context, start_logs
from penstock_runtime.metrics import Metrics
from penstock_runtime.operations import Check
from penstock_runtime.process import Build, Context, Process, RuntimeSettings, Service
from penstock_runtime.serving import HttpServer
from penstock_runtime.settings import load, secrets_in
from penstock_runtime.steps import steps_from_env
from penstock_runtime.tracing import start_tracing

__all__ = ["Build", "Check", "Context", "HttpServer", "Service", "run_service", "run_services", "run_together", "serve"]

_log = logging.getLogger(__name__)
_LAST_SECONDS = 5.0
"""How long a process may take to end after everything in it was stopped and closed."""


def run_service(name: str, build: Build) -> NoReturn:
    """Run one service in this process until it is told to stop; the process ends with its exit code."""
    run_services(name, {name: build})


def run_services(name: str, builds: Mapping[str, Build], environ: Mapping[str, str] | None = None) -> NoReturn:
    """Run several services in one process, on one loop, with one operations port.

    Once the exit code is known the process ends, whatever still runs in it: a handler that ignores its cancellation,
    or a thread, would keep it in its group for ever, with work that nobody else is given.
    """
    collect_rarely()
    raise SystemExit(asyncio.run(_to_the_end(name, builds, os.environ if environ is None else environ)))


async def _to_the_end(name: str, builds: Mapping[str, Build], environ: Mapping[str, str]) -> int:
    code = await run_together(name, builds, environ)
    cut_off = threading.Timer(_LAST_SECONDS, _end_anyway, (name, code))
    cut_off.daemon = True
    cut_off.start()
    return code


def _end_anyway(name: str, code: int) -> None:
    with log_context(process=name):
        _log.critical("something in this process does not end by itself: it is cut off")
    logging.shutdown()
    os._exit(code or 1)


async def serve(name: str, build: Build, environ: Mapping[str, str], stopping: asyncio.Event | None = None) -> int:
    """Run one service until a signal comes or `stopping` is set; the exit code."""
    return await run_together(name, {name: build}, environ, stopping)


async def run_together(
    name: str, builds: Mapping[str, Build], environ: Mapping[str, str], stopping: asyncio.Event | None = None
) -> int:
    """Build the services in the order given and run them until a signal comes or `stopping` is set; the exit code.

    The first SIGTERM or SIGINT ends in order: servers accept nothing new, machines finish their step and stop, then
    everything is closed. A second one ends at once.
    """
    stop = asyncio.Event() if stopping is None else stopping
    start_logs("info", "auto", Redactor())
    running = asyncio.create_task(_run(name, builds, environ, stop), name=name)
    try:
        with _signals(stop, running):
            await asyncio.wait({running})
    finally:
        running.cancel()
    with log_context(process=name):
        return _exit_code(running)


@contextmanager
def _signals(stop: asyncio.Event, running: asyncio.Task[None]) -> Iterator[None]:
    def told(number: signal.Signals) -> None:
        if stop.is_set():
            _log.warning("ending at once", extra={"signal": number.name})
            running.cancel()
        else:
            _log.info("stopping", extra={"signal": number.name})
            stop.set()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, told, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _exit_code(ended: asyncio.Task[None]) -> int:
    if ended.cancelled():
        _log.error("ended at once, with work in hand")
        return 1
    error = ended.exception()
    if error is None:
        _log.info("stopped")
        return 0
    if isinstance(error, SettingsError):
        for problem in error.problems:
            _log.error(problem)
        return 2
    _log.critical("%s", str(error) or type(error).__name__, exc_info=unexplained(error))
    return 1


async def _run(name: str, builds: Mapping[str, Build], environ: Mapping[str, str], stop: asyncio.Event) -> None:
    settings = load(RuntimeSettings, environ)
    redactor = Redactor(secrets_in(environ))
    start_logs(settings.log_level, settings.log_format, redactor)
    tracing = start_tracing(name, environ, settings.trace_sampling)
    registry = _registry()
    context = Context(
        name=name,
        environ=environ,
        clock=SystemClock(),
        steps=steps_from_env(environ),
        tracer=tracing.tracer,
        metrics=Metrics(registry),
        redactor=redactor,
        host=socket.gethostname(),
    )
    process = Process(context, settings, stop)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, tracing.shutdown)
        stack.push_async_callback(process.end)
        process.open_operations_port()
        for part, build in builds.items():
            service = await process.build(part, build)
            if service is None:
                return
            for close in reversed(service.close):
                stack.push_async_callback(process.close, close)
        await process.work()


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
