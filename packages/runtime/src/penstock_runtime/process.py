"""What a process consists of, and how its parts are started, watched and ended together."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, replace
from typing import TypeVar

from opentelemetry.trace import Tracer

from penstock_runtime import parsers
from penstock_runtime.clock import Clock
from penstock_runtime.errors import CloseFailed, MachineFailed, StoppedTooSlowly, unexplained
from penstock_runtime.logs import LogFormat, Redactor, log_context
from penstock_runtime.machine import Machine, drive
from penstock_runtime.metrics import Metrics
from penstock_runtime.observed import Observed
from penstock_runtime.operations import Check, Operations
from penstock_runtime.serving import HttpServer, Serving
from penstock_runtime.settings import load, setting
from penstock_runtime.steps import Steps

T = TypeVar("T")
_log = logging.getLogger(__name__)
_CUT_OFF_SECONDS = 2.0
"""How long what was cancelled may take to end; whatever is left then is abandoned with the process."""


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """What every process reads, whatever it does."""

    log_level: str = setting(
        "PENSTOCK_LOG_LEVEL",
        parsers.one_of("debug", "info", "warning", "error"),
        "info",
        about="the least level that is logged",
    )
    log_format: LogFormat = setting(
        "PENSTOCK_LOG_FORMAT", parsers.log_format, "auto", about="auto is text at a terminal, else JSON"
    )
    ops_host: str = setting("PENSTOCK_OPS_HOST", parsers.text, "127.0.0.1", about="where the operations port listens")
    ops_port: int | None = setting(
        "PENSTOCK_OPS_PORT",
        parsers.optional(parsers.port, "off"),
        3330,
        about="livez, readyz and metrics; each process of one host needs its own",
    )
    stop_seconds: float = setting(
        "PENSTOCK_STOP_SECONDS", parsers.duration("1s"), 25.0, about="how long work in hand may take after SIGTERM"
    )
    trace_sampling: float = setting(
        "PENSTOCK_TRACE_SAMPLING", parsers.number(0, 1), 1.0, about="the share of new traces that is kept"
    )


@dataclass(frozen=True, slots=True)
class Context:
    """What a service is built from."""

    name: str
    environ: Mapping[str, str]
    clock: Clock
    steps: Steps
    tracer: Tracer
    metrics: Metrics
    redactor: Redactor
    """Give it every secret that comes from elsewhere than a variable, such as the configuration file."""
    host: str
    """The name of this host, for people."""

    @property
    def instance(self) -> str:
        """This service in this process, for the owner of a lease: name@host:pid."""
        return f"{self.name}@{self.host}:{os.getpid()}"

    def load(self, cls: type[T]) -> T:
        """The settings of this class from this process's environment."""
        return load(cls, self.environ)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that has been built and not started."""

    machines: tuple[Machine, ...] = ()
    servers: tuple[HttpServer, ...] = ()
    checks: tuple[Check, ...] = ()
    close: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Called in this order after machines and servers have ended, each whatever the others do."""


Build = Callable[[Context], Awaitable[Service]]


class Process:
    """Its methods are called in this order: open_operations_port, build for each service, work, close for each, end."""

    def __init__(self, context: Context, settings: RuntimeSettings, stop: asyncio.Event) -> None:
        self._context = context
        self._settings = settings
        self._stop = stop
        self._services: dict[str, Service] = {}
        self._operations = Operations(context.name, context.clock, context.metrics.registry)
        self._ports: list[Serving] = []
        self._port_tasks: set[asyncio.Task[None]] = set()

    def open_operations_port(self) -> None:
        """Answer /livez while the services are still being built."""
        settings = self._settings
        if settings.ops_port is None:
            return
        server = HttpServer("operations", self._operations, settings.ops_host, settings.ops_port, "PENSTOCK_OPS_PORT")
        port = Serving(server, self._operations, grace=1)
        self._ports.append(port)
        self._port_tasks.add(asyncio.create_task(port.run(), name="operations"))
        _log.info("listening", extra={"server": "operations", "host": server.host, "port": port.port})

    async def build(self, name: str, build: Build) -> Service | None:
        """Build one service; None when the process was told to stop meanwhile."""
        with log_context(service=name):
            building = asyncio.ensure_future(build(replace(self._context, name=name)))
        told = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({building, told, *self._port_tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
        if not building.done():
            await _cut_off({building})
            _raise_failure(self._port_tasks)
            return None
        self._services[name] = service = building.result()
        return service

    async def work(self) -> None:
        """Run all machines and servers until told to stop; then let each end in order within the time limit.

        The first failure of any of them stops the others in the same way, and is raised.
        """
        servings = self._bind()
        tasks = self._start(servings)
        told = asyncio.create_task(self._stop.wait(), name="told to stop")
        try:
            self._operations.phase = "running"
            _log.info("started", extra={"services": sorted(self._services)})
            parts = tasks | self._port_tasks
            await asyncio.wait({told, *parts}, return_when=asyncio.FIRST_COMPLETED)
            first = {task for task in parts if task.done()}
            self._operations.phase = "stopping"
            self._stop.set()
            for serving in servings:
                serving.stop()
            late: set[asyncio.Task[None]] = set()
            if tasks:
                _, late = await asyncio.wait(tasks, timeout=self._settings.stop_seconds)
            _raise_failure(parts, first)
            if late:
                names = ", ".join(sorted(task.get_name() for task in late))
                raise StoppedTooSlowly(seconds=self._settings.stop_seconds, names=names)
        finally:
            await _cut_off({told, *tasks})

    async def close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Close one thing within the time limit. CloseFailed when it fails, so that the exit code tells."""
        closing = asyncio.ensure_future(close())
        try:
            await asyncio.wait({closing}, timeout=self._settings.stop_seconds)
        finally:
            await _cut_off({closing})
        name = getattr(close, "__qualname__", repr(close))
        if closing.cancelled():
            raise StoppedTooSlowly(seconds=self._settings.stop_seconds, names=name)
        error = closing.exception()
        if error is not None:
            raise CloseFailed(name=name, error=type(error).__name__, detail=error) from error

    async def end(self) -> None:
        """Close the operations port, the last thing a process does."""
        for port in self._ports:
            port.stop()
        if self._port_tasks:
            await asyncio.wait(self._port_tasks, timeout=_CUT_OFF_SECONDS)
        await _cut_off(self._port_tasks)

    def _bind(self) -> list[Serving]:
        """All ports are taken before any machine starts, so that a taken one costs no work."""
        servings: list[Serving] = []
        for name, service in self._services.items():
            for server in service.servers:
                app = Observed(server.app, self._context.metrics, self._context.tracer, self._context.clock)
                serving = Serving(server, app, self._settings.stop_seconds)
                servings.append(serving)
                shown = {"service": name, "server": server.name, "host": server.host, "port": serving.port}
                _log.info("listening", extra=shown)
        return servings

    def _start(self, servings: list[Serving]) -> set[asyncio.Task[None]]:
        several = len(self._services) > 1
        checks: list[Check] = []
        tasks = {asyncio.create_task(serving.run(), name=serving.name) for serving in servings}
        for name, service in self._services.items():
            checks += [replace(check, name=f"{name}.{check.name}") if several else check for check in service.checks]
            with log_context(service=name):
                tasks |= {asyncio.create_task(_driven(one, self._stop), name=one.name) for one in service.machines}
        self._operations.checks = tuple(checks)
        return tasks


def _raise_failure(tasks: set[asyncio.Task[None]], first: Set[asyncio.Task[None]] = frozenset()) -> None:
    """Raises the failure of one of them, of the first where there was one. What else failed, which mostly has the same
    cause, is told before: the process ends with one reason, and that is the last it says."""
    failures: list[BaseException] = []
    for task in sorted(tasks, key=lambda task: (task not in first, task.get_name())):
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            failures.append(error)
    for error in failures[1:]:
        _log.error("%s", error, exc_info=unexplained(error))
    if failures:
        raise failures[0]


async def _driven(machine: Machine, stop: asyncio.Event) -> None:
    driving = asyncio.create_task(drive(machine, stop))
    try:
        await asyncio.wait({driving})
    finally:
        await _cut_off({driving})
    error = driving.exception()
    if error is not None:
        raise MachineFailed(machine=machine.name, error=type(error).__name__, detail=error) from error


async def _cut_off(tasks: set[asyncio.Task[T]] | set[asyncio.Task[None]]) -> None:
    """Cancel what still runs and wait a moment for it; what ended by itself is left as it is."""
    running = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    if not running:
        return
    ended, _ = await asyncio.wait(running, timeout=_CUT_OFF_SECONDS)
    for task in ended:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("it failed when it was cut off", extra={"error": f"{type(error).__name__}: {error}"})
