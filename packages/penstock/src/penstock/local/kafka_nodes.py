"""What a cluster on this machine consists of, and the properties of its nodes."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from penstock.local.ports import free_ports


@dataclass(frozen=True, slots=True)
class Node:
    number: int
    port: int
    controller_port: int
    directory_id: str

    @property
    def voter(self) -> str:
        return f"{self.number}@127.0.0.1:{self.controller_port}:{self.directory_id}"


@dataclass(frozen=True, slots=True)
class Detour:
    """A second way to a node: who comes to `port` is told to come back to `advertised`, where a proxy listens."""

    port: int
    advertised: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Chosen once and kept: addresses are written into the cluster's own metadata."""

    cluster_id: str
    nodes: tuple[Node, ...]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @classmethod
    def load_or_choose(cls, path: Path, brokers: int) -> "Layout":
        if path.exists():
            stored = json.loads(path.read_text())
            return cls(stored["cluster_id"], tuple(Node(**node) for node in stored["nodes"]))
        ports = free_ports(2 * brokers)
        nodes = tuple(Node(i + 1, ports[2 * i], ports[2 * i + 1], _kafka_uuid()) for i in range(brokers))
        layout = cls(_kafka_uuid(), nodes)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(asdict(layout), indent=1))
        unfinished.replace(path)
        return layout


def _kafka_uuid() -> str:
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue  # the tool that formats would take it for an option
    return text


def node_properties(
    layout: Layout, node: Node, data: Path, settings: Mapping[str, str], detour: Detour | None = None
) -> str:
    """A small node that notices quickly what its tests do to it."""
    count = len(layout.nodes)
    replicas, in_sync = min(3, count), 1 if count < 3 else 2
    listeners = [f"PLAINTEXT://127.0.0.1:{node.port}", f"CONTROLLER://127.0.0.1:{node.controller_port}"]
    advertised = list(listeners)
    if detour:
        listeners.append(f"DETOUR://127.0.0.1:{detour.port}")
        advertised.append(f"DETOUR://127.0.0.1:{detour.advertised}")
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(advertised),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": ",".join(f"127.0.0.1:{n.controller_port}" for n in layout.nodes),
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "num.partitions": 12,
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.segment.bytes": 128 * 1024**2,
        "log.cleaner.dedupe.buffer.size": 16 * 1024**2,  # the default takes half of so small a heap
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "group.consumer.min.heartbeat.interval.ms": 500,
        "group.consumer.heartbeat.interval.ms": 1000,
        "group.consumer.min.session.timeout.ms": 3000,
        "group.consumer.session.timeout.ms": 10_000,
        # a node that comes back after kill -9 waits until its former self is given up
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
    }
    for topic, isr in (
        ("offsets.topic", None),
        ("transaction.state.log", "transaction.state.log.min.isr"),
        ("share.coordinator.state.topic", "share.coordinator.state.topic.min.isr"),
    ):
        properties[f"{topic}.replication.factor"] = replicas
        properties[f"{topic}.num.partitions"] = 4
        if isr:
            properties[isr] = in_sync
    return "".join(f"{name}={value}\n" for name, value in {**properties, **settings}.items())
