"""Where an event goes: its topic, its key, and for a batch the number that spreads a run over the partitions."""

from dataclasses import dataclass
from zlib import crc32

from penstock_contracts.envelope import Envelope
from penstock_contracts.flow import EVENTS_TOPIC, TOPIC_OF_TYPE, Key

SHARDS = 8


@dataclass(frozen=True, slots=True)
class Route:
    """With a spread the relay writes to partition `spread % partitions`, else the key's hash decides."""

    topic: str
    key: str
    spread: int | None = None


def route(envelope: Envelope) -> Route:
    topic = TOPIC_OF_TYPE[envelope.type]
    if topic.key is Key.SPREAD:
        return Route(topic.name, envelope.workflow_id, crc32(envelope.workflow_id.encode()) + int(envelope.part))
    return Route(topic.name, envelope.workflow_id if topic.key is Key.RUN else envelope.stream)


def events_route(envelope: Envelope) -> Route:
    """Every stored fact also travels here, in the order of its stream."""
    return Route(EVENTS_TOPIC, envelope.stream)


def shard_of(stream: str) -> int:
    """Which relay publishes what a stream says; apart from the Kafka key."""
    return crc32(stream.encode()) % SHARDS
