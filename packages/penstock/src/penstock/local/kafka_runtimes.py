"""Two ways to run Kafka's programs: Java on this machine, or the official image where a Docker daemon answers."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from penstock.local.errors import KafkaUnavailable
from penstock.local.kafka_jars import KAFKA_VERSION, jars_problem, java_problem, kafka_jars
from penstock.local.process import Lifetime, ServerProcess

_HEAP = "256m"
# the container hears of its owner's end by the end of its input; whoever kills the client cannot tell the daemon
_UNTIL_INPUT_ENDS = '"$@" & server=$!; cat >/dev/null; kill -9 $server'


class KafkaRuntime(Protocol):
    """How a program of Kafka becomes a process."""

    def command(self, name: str, folder: Path, lifetime: Lifetime, *arguments: str) -> list[str]:
        """The command line that runs a class of Kafka with these arguments; it may use the files of this folder."""
        ...

    def end(self, name: str, process: ServerProcess) -> None:
        """End the server of this name in an orderly way, or by force when that takes too long."""
        ...

    def kill(self, name: str, process: ServerProcess) -> None:
        """kill -9, and wait until it is gone."""
        ...


class JavaRuntime:
    """Java on this machine and the jars of Maven."""

    def __init__(self) -> None:
        self._jars = kafka_jars()
        self._java = str(shutil.which("java"))

    def command(self, name: str, folder: Path, lifetime: Lifetime, *arguments: str) -> list[str]:
        return [
            *(self._java, f"-Xms{_HEAP}", f"-Xmx{_HEAP}", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            "-XX:TieredStopAtLevel=1",  # starts in half the time
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self._jars / 'log4j2.yaml'}",
            *("-cp", f"{self._jars / 'libs'}/*", *arguments),
        ]

    def end(self, name: str, process: ServerProcess) -> None:
        process.end((signal.SIGTERM, 15.0))

    def kill(self, name: str, process: ServerProcess) -> None:
        process.end()


class DockerRuntime:
    """The image of the Kafka project, on the network of this machine."""

    def __init__(self, image: str = f"apache/kafka:{KAFKA_VERSION}") -> None:
        self._image = image
        self._docker = str(shutil.which("docker"))

    def command(self, name: str, folder: Path, lifetime: Lifetime, *arguments: str) -> list[str]:
        self._remove(name)
        program = ["/opt/kafka/bin/kafka-run-class.sh", *arguments]
        if lifetime is Lifetime.WITH_OWNER:
            program = ["sh", "-c", _UNTIL_INPUT_ENDS, "sh", *program]
        return [
            *(self._docker, "run", "--rm", "--interactive", "--name", name, "--network", "host"),
            *("--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{folder}:{folder}"),
            *("--env", f"KAFKA_HEAP_OPTS=-Xmx{_HEAP}", self._image, *program),
        ]

    def end(self, name: str, process: ServerProcess) -> None:
        self.kill(name, process)  # what Kafka acknowledged is in the system's memory: it loses nothing by this

    def kill(self, name: str, process: ServerProcess) -> None:
        self._remove(name)
        process.end()

    def _remove(self, name: str) -> None:
        subprocess.run([self._docker, "rm", "--force", name], check=False, capture_output=True)


def kafka_runtime() -> KafkaRuntime:
    """What this machine has. Raises KafkaUnavailable."""
    problem = java_problem() or jars_problem()
    if problem is None:
        return JavaRuntime()
    if docker_answers():
        return DockerRuntime()
    raise KafkaUnavailable(reason=f"{problem}, and no Docker daemon answers")


def docker_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    with suppress(subprocess.TimeoutExpired):
        command = [docker, "info", "--format", "{{.ServerVersion}}"]
        told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
        return told.returncode == 0 and bool(told.stdout.strip())
    return False
