"""Every service as a process of its own, in one folder: logs, pid files and where each is in its numbered steps."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from penstock.local.errors import ServiceFailed
from penstock.local.ports import free_ports
from penstock.local.process import Command, Lifetime, ServerProcess, start_process
from penstock.services import BOOTSTRAPS
from penstock_runtime.steps import LastStep, read_steps

_PATIENCE = 60.0
_STOP_SECONDS = 30.0
_PUBLIC = {"ingest": "PENSTOCK_INGEST_PORT", "console": "PENSTOCK_CONSOLE_PORT"}
PROGRAM = (sys.executable, "-m", "penstock.cli")


class Fleet:
    """The services of this folder. Ports are chosen once and kept, so a restarted service is where it was.

    Of a service that runs several times each but the first is called `name@2`, `name@3`.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        services: Sequence[str] = tuple(BOOTSTRAPS),
        lifetime: Lifetime = Lifetime.WITH_OWNER,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """`environment` is what every service is given beside the variables of this process; `program` what is started
        with `run` and its name."""
        self.folder = folder.absolute()
        self.services = tuple(services)
        self._environment = dict(environment)
        self._lifetime = lifetime
        self._program = tuple(program)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ports = self._chosen_ports()

    @property
    def ingest_url(self) -> str:
        return self.public_url("ingest")

    @property
    def console_url(self) -> str:
        return self.public_url("console")

    def public_url(self, service: str) -> str:
        """Of one that others ask: ingest, the console, each further one of these."""
        given = self._environment.get(_PUBLIC[_kind(service)])
        return f"http://127.0.0.1:{given or self._ports[_public(service)]}"

    def operations_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def start(self, *services: str, wait: bool = True) -> None:
        """Those that do not run, all of them when none is named. Raises ServiceFailed when one does not get ready."""
        chosen = services or self.services
        for service in chosen:
            if not self.running(service):
                self._start(service)
        if wait:
            deadline = time.monotonic() + _PATIENCE
            for service in chosen:
                self._await(service, deadline)

    def stop(self, *services: str) -> None:
        """End them in order: all are told first, then waited for."""
        chosen = [(name, process) for name in services or self.services if (process := self.process(name))]
        for _, process in chosen:
            process.send(signal.SIGTERM)
        for _, process in chosen:
            if not process.wait(_STOP_SECONDS):
                process.end()

    def kill(self, service: str) -> LastStep | None:
        """kill -9, and where it was then."""
        process = self.process(service)
        if process is None:
            return None
        process.send(signal.SIGKILL)
        process.wait(10)
        return self.last_step(service)

    def running(self, service: str) -> bool:
        return self.process(service) is not None

    def process(self, service: str) -> ServerProcess | None:
        return ServerProcess.load(self._file(service, "pid"))

    def pid(self, service: str) -> int | None:
        process = self.process(service)
        return process.pid if process else None

    def ready(self, service: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.operations_url(service)}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def last_step(self, service: str) -> LastStep | None:
        """None until it has begun to tell, and where nobody started it."""
        try:
            return read_steps(self._file(service, "steps"))
        except FileNotFoundError:
            return None

    def _start(self, service: str) -> None:
        self._file(service, "steps").unlink(missing_ok=True)  # those of its dead forerunner
        operations = {
            "PENSTOCK_OPS_PORT": str(self._ports[service]),
            "PENSTOCK_STEPS_FILE": str(self._file(service, "steps")),
            "PENSTOCK_INSTANCE": service,
        }
        if variable := _PUBLIC.get(_kind(service)):
            operations[variable] = str(self._ports[_public(service)])
        command = Command(
            [*self._program, "run", _kind(service)],
            log=self.log(service),
            environment={**os.environ, **operations, **self._environment},
        )
        start_process(command, self._lifetime).save(self._file(service, "pid"))

    def _await(self, service: str, deadline: float) -> None:
        while not self.ready(service):
            if not self.running(service) or time.monotonic() > deadline:
                tail = "\n".join(self.log(service).read_text(errors="replace").splitlines()[-15:])
                raise ServiceFailed(service=service, log=self.log(service), tail=tail)
            time.sleep(0.1)

    def _file(self, service: str, ending: str) -> Path:
        return self.folder / f"{service}.{ending}"

    def _chosen_ports(self) -> dict[str, int]:
        path = self.folder / "ports.json"
        chosen: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        services = dict.fromkeys((*BOOTSTRAPS, *self.services))
        public = [_public(service) for service in services if _kind(service) in _PUBLIC]
        missing = [name for name in (*services, *public) if name not in chosen]
        if missing:
            chosen |= zip(missing, free_ports(len(missing)), strict=True)
            path.write_text(json.dumps(chosen))
        return chosen


def _kind(service: str) -> str:
    return service.partition("@")[0]


def _public(service: str) -> str:
    """The name under which the port is kept that others ask."""
    return f"{service} http"
