"""Starting servers so that nothing is left behind, and recognising those that another process started."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

_SPAWN = Path(__file__).with_name("spawn.py")


class Lifetime(Enum):
    WITH_OWNER = "ends with the process that started it, however that ends"
    DETACHED = "runs until somebody stops it"


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Whom a server runs as when we are root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """What is started. `death_signal` is what the server gets when its owner is gone."""

    arguments: Sequence[str]
    log: Path
    user: SystemUser | None = None
    environment: Mapping[str, str] | None = None
    death_signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A process told from a later one with the same number by the time it was created."""

    pid: int
    created: float

    @classmethod
    def load(cls, path: Path) -> "ServerProcess | None":
        """The process this file speaks of, if it still runs."""
        try:
            stored = json.loads(path.read_text())
            process = cls(pid=int(stored["pid"]), created=float(stored["created"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return process if process.alive() else None

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"pid": self.pid, "created": self.created}))

    def alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 2 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def send(self, signal_number: signal.Signals) -> None:
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within this time."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def end(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn until the process is gone, giving each its seconds, and kill it at last."""
        for signal_number, seconds in (*steps, (signal.SIGKILL, 10.0)):
            self.send(signal_number)
            if self.wait(seconds):
                return


def start_process(command: Command, lifetime: Lifetime = Lifetime.WITH_OWNER) -> ServerProcess:
    """Start a server in a session of its own.

    The parent-death signal belongs to the *thread* that started the child, so each child gets a thread that starts
    it, waits for it and reaps it at once (to PostgreSQL a zombie postmaster is one that runs).
    """
    started: Future[ServerProcess] = Future()
    threading.Thread(
        target=_start_and_reap, args=(command, lifetime, started), name=f"reaper of {command.arguments[0]}", daemon=True
    ).start()
    return started.result()


def _start_and_reap(command: Command, lifetime: Lifetime, started: "Future[ServerProcess]") -> None:
    death_signal = command.death_signal.value if lifetime is Lifetime.WITH_OWNER else 0
    uid, gid = (command.user.uid, command.user.gid) if command.user else (0, 0)
    shim = [sys.executable, "-I", "-S", str(_SPAWN), *(str(n) for n in (os.getpid(), death_signal, uid, gid))]
    try:
        with command.log.open("ab") as log:
            child = subprocess.Popen(
                [*shim, *command.arguments],
                # one more sign of the owner's end, for programs that the signal does not reach (in a container)
                stdin=subprocess.PIPE if lifetime is Lifetime.WITH_OWNER else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=None if command.environment is None else dict(command.environment),
                start_new_session=True,
            )
    except OSError as error:
        started.set_exception(error)
        return
    started.set_result(ServerProcess(pid=child.pid, created=psutil.Process(child.pid).create_time()))
    child.wait()
    if child.stdin:
        child.stdin.close()
