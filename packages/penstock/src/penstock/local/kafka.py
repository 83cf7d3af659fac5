"""A real Apache Kafka on 127.0.0.1, of one or several nodes, each broker and controller in one.

    cluster = KafkaCluster(Path("data/kafka"))
    cluster.start()
    cluster.bootstrap
    cluster.stop()

Data, addresses and identity stay in the folder: a start after a stop, or after kill -9 of anything, goes on from there.
"""

import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from penstock.local.errors import KafkaFailed
from penstock.local.kafka_nodes import Detour, Layout, Node, node_properties
from penstock.local.kafka_probe import coordinates_groups, sees_brokers
from penstock.local.kafka_runtimes import KafkaRuntime, kafka_runtime
from penstock.local.process import Command, Lifetime, ServerProcess, start_process


class KafkaCluster:
    """The cluster of a folder: `cluster.json`, and of each node its properties, data, log and pid file."""

    def __init__(
        self,
        data_dir: Path,
        brokers: int = 1,
        lifetime: Lifetime = Lifetime.WITH_OWNER,
        settings: Mapping[str, str] | None = None,
        detours: Sequence[Detour] = (),
    ) -> None:
        """`settings` are added to the properties of every node. The number of brokers of an existing folder stays.
        `detours`: one for each node, or none."""
        self.data_dir = data_dir.absolute()
        self._brokers = brokers
        self._lifetime = lifetime
        self._settings = dict(settings or {})
        self._detours = dict(enumerate(detours, 1))
        self._runtime: KafkaRuntime | None = None

    @property
    def bootstrap(self) -> str:
        """The addresses to give to clients."""
        return self._layout().bootstrap

    @property
    def nodes(self) -> tuple[int, ...]:
        """The numbers by which nodes are killed and restarted, from 1."""
        return tuple(node.number for node in self._layout().nodes)

    def start(self, seconds: float = 120.0) -> None:
        """Start the nodes that do not run, and return when all of them answer and know each other.

        Raises KafkaFailed, KafkaUnavailable.
        """
        deadline = time.monotonic() + seconds
        layout = self._layout()
        with self._locked():
            with ThreadPoolExecutor() as pool:  # formatting costs a second of Java each
                list(pool.map(lambda node: self._format(layout, node), layout.nodes))
            for node in layout.nodes:
                if not self.running(node.number):
                    self._start_node(node)
            for node in layout.nodes:
                self._await(node, len(layout.nodes), deadline)

    def stop(self) -> None:
        """End all nodes in an orderly way."""
        running = [(number, process) for number in self.nodes if (process := self.process(number))]
        if running:
            runtime = self._get_runtime()
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(lambda one: runtime.end(self._name(one[0]), one[1]), running))

    def kill(self, node: int = 1) -> None:
        """kill -9 of one node."""
        if process := self.process(node):
            self._get_runtime().kill(self._name(node), process)

    def restart(self, node: int = 1, seconds: float = 120.0) -> None:
        """Stop this node if it runs, and start it again on its port and data."""
        if process := self.process(node):
            self._get_runtime().end(self._name(node), process)
        self.start(seconds)

    def running(self, node: int = 1) -> bool:
        return self.process(node) is not None

    def process(self, node: int = 1) -> ServerProcess | None:
        """Of a node that runs; with Docker it is that of its client."""
        return ServerProcess.load(self._file(node, "pid"))

    def remove(self) -> None:
        """Kill what runs and remove the folder."""
        for node in self.nodes:
            self.kill(node)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def _layout(self) -> Layout:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return Layout.load_or_choose(self.data_dir / "cluster.json", self._brokers)

    def _get_runtime(self) -> KafkaRuntime:
        if self._runtime is None:
            self._runtime = kafka_runtime()
        return self._runtime

    def _file(self, node: int, ending: str) -> Path:
        return self.data_dir / f"node-{node}.{ending}"

    def _name(self, node: int) -> str:
        return f"penstock-kafka-{hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]}-{node}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.data_dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _format(self, layout: Layout, node: Node) -> None:
        data, properties = self._file(node.number, "data"), self._file(node.number, "properties")
        detour = self._detours.get(node.number)
        properties.write_text(node_properties(layout, node, data, self._settings, detour))
        if (data / "meta.properties").exists():
            return
        arguments = ("kafka.tools.StorageTool", "format", "-t", layout.cluster_id, "-c", str(properties))
        voters = ",".join(other.voter for other in layout.nodes)
        finished = subprocess.run(
            self._get_runtime().command(
                f"{self._name(node.number)}-format",
                self.data_dir,
                Lifetime.DETACHED,
                *(*arguments, "--initial-controllers", voters),
            ),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if finished.returncode:
            raise self._failed(node, (finished.stdout + finished.stderr).decode(errors="replace"))

    def _start_node(self, node: Node) -> None:
        properties = str(self._file(node.number, "properties"))
        name = self._name(node.number)
        arguments = self._get_runtime().command(name, self.data_dir, self._lifetime, "kafka.Kafka", properties)
        process = start_process(Command(arguments, self._file(node.number, "log")), self._lifetime)
        process.save(self._file(node.number, "pid"))

    def _await(self, node: Node, brokers: int, deadline: float) -> None:
        address = f"127.0.0.1:{node.port}"
        while not (sees_brokers(address, brokers) and coordinates_groups(address)):
            if not self.running(node.number):
                raise self._failed(node, self._file(node.number, "log").read_text(errors="replace"))
            if time.monotonic() > deadline:
                raise self._failed(node, "it does not answer in time")
            time.sleep(0.05)

    def _failed(self, node: Node, said: str) -> KafkaFailed:
        log = self._file(node.number, "log")
        return KafkaFailed(node=node.number, data_dir=self.data_dir, reason=said.strip()[-2000:], log=log)
