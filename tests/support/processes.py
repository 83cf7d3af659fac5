"""Programs started by tests, which end with the test however it ends, and with the run of tests if that is killed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from penstock.local import spawn
from tests.support.waiting import wait_until


@dataclass(slots=True)
class StartedProcess:
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        """What it has said so far, errors included."""
        return self.log.read_text(errors="replace")

    def wait_for_output(self, text: str, within: float = 20.0) -> None:
        def said() -> bool:
            if text not in self.output() and self.process.poll() is not None:
                raise AssertionError(
                    f"it ended with {self.process.returncode} without saying {text!r}:\n{self.output()}"
                )
            return text in self.output()

        wait_until(said, within, what=f"{text!r} in the output of {self.process.args!r}")

    def wait(self, within: float = 20.0) -> int:
        """Its exit status."""
        return self.process.wait(within)

    def send(self, signal_number: signal.Signals) -> None:
        self.process.send_signal(signal_number)

    def end(self) -> None:
        """Ask it to end, then kill it and whatever it started in its session."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(slots=True)
class Processes:
    folder: Path
    started: list[StartedProcess] = field(default_factory=list)

    def start(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> StartedProcess:
        """Start a program with the variables of this process and these; "python" is the one that runs the tests."""
        program = sys.executable if command[0] == "python" else shutil.which(command[0])
        if program is None:
            raise AssertionError(f"there is no program {command[0]}")
        log = self.folder / f"process-{len(self.started)}.log"
        shim = [sys.executable, "-I", "-S", spawn.__file__, str(os.getpid()), str(signal.SIGKILL.value), "0", "0"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*shim, program, *(str(argument) for argument in command[1:])],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self.started.append(StartedProcess(process, log))
        return self.started[-1]

    def end_all(self) -> None:
        for one in self.started:
            one.end()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    keeper = Processes(tmp_path)
    try:
        yield keeper
    finally:
        keeper.end_all()
