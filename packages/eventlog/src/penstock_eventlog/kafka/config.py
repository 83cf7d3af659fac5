"""The properties of our clients: ours, on top of those of the file that PENSTOCK_KAFKA_CONFIG names."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock_eventlog.errors import LogMisconfigured
from penstock_eventlog.kafka import known

OURS = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "batch.size",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "group.instance.id",
        "message.timeout.ms",
        "partitioner",
        "request.required.acks",
        "statistics.interval.ms",
    }
)
"""Guarantees rest on these, or another setting gives them."""
CLASSIC: Mapping[str, str | int] = {
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": 6_000,
    "heartbeat.interval.ms": 1_000,
}
_BOTH: Mapping[str, str | int] = {
    "client.id": "penstock",
    "topic.metadata.refresh.interval.ms": 60_000,
    "reconnect.backoff.max.ms": 2_000,
}
BATCH = 1_000_000
"""Bytes; the client's own default."""
client_log = logging.getLogger("penstock_eventlog.kafka.client")


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Where the brokers are, how to reach them, and what stands before the names of topics and groups there."""

    bootstrap: str
    prefix: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    instance: str = ""
    """This process among those of its service, under a name that stays when it is started again."""

    def on_wire(self, name: str) -> str:
        return self.prefix + name

    def inside(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    @property
    def newer_groups(self) -> bool:
        """Those of KIP-848."""
        return self.properties.get("group.protocol") == "consumer"

    def admin(self) -> dict[str, Any]:
        return {**_BOTH, **_common(self.properties), "bootstrap.servers": self.bootstrap}

    def producer(self, batch: int = BATCH) -> dict[str, Any]:
        """`message.timeout.ms` 0: what was accepted is tried until it is acknowledged, so nothing is overtaken. No more
        than `batch` bytes go into a batch; a record that is larger goes alone."""
        return {
            **_BOTH,
            "linger.ms": 2,
            **self.properties,
            "bootstrap.servers": self.bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "batch.size": batch,
            "message.timeout.ms": 0,
            "partitioner": "murmur2_random",
            "statistics.interval.ms": known.EVERY_MS,
        }

    def consumer(self, group: str) -> dict[str, Any]:
        """`group.protocol=consumer` in the file chooses KIP-848, whose session is the broker's to set. With it a name
        that a dead process had is refused until its session is over, so it is told in a classic group alone."""
        return {
            **_BOTH,
            "queued.max.messages.kbytes": 16_384,
            "fetch.wait.max.ms": 100,
            **({} if self.newer_groups else self._classic()),
            **self.properties,
            "bootstrap.servers": self.bootstrap,
            "group.id": self.on_wire(group),
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "statistics.interval.ms": known.EVERY_MS,
        }

    def _classic(self) -> Mapping[str, str | int]:
        """A member with a name has its partitions back as soon as it is started again; others wait for its session."""
        return {**CLASSIC, "group.instance.id": self.instance} if self.instance else CLASSIC


def _common(properties: Mapping[str, str]) -> Mapping[str, str]:
    """What an administrative client understands: how to connect."""
    kinds = ("sasl.", "ssl.", "security.", "enable.ssl.", "socket.", "broker.address.", "client.", "https.", "debug")
    return {name: value for name, value in properties.items() if name.startswith(kinds)}


def read_properties(path: Path | None) -> Mapping[str, str]:
    """`name=value` lines with librdkafka's names; lines that begin with # or ! are comments."""
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LogMisconfigured(f"PENSTOCK_KAFKA_CONFIG: {path} cannot be read: {error}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#!":
            continue
        name, separator, value = stripped.partition("=")
        if not separator or not name.strip():
            raise LogMisconfigured(f"PENSTOCK_KAFKA_CONFIG: line {number} of {path} is not name=value")
        found[name.strip()] = value.strip()
    forbidden = sorted(OURS & set(found))
    if forbidden:
        raise LogMisconfigured(f"PENSTOCK_KAFKA_CONFIG: remove {', '.join(forbidden)} from {path}: Penstock sets it")
    return found
