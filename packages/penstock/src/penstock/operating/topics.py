"""What `penstock topics` does: prints the flow table's topics, or creates those that a cluster does not have."""

import json
from collections.abc import Sequence
from typing import TextIO

from penstock.operating.columns import aligned
from penstock.operating.ending import DONE
from penstock.operating.errors import NotUnderstood
from penstock.operating.settings import Brokers
from penstock_contracts.flow import TOPICS, Topic
from penstock_eventlog.kafka import KafkaAddress, KafkaLog, read_properties
from penstock_eventlog.ports import Log

_HEADER = ("topic", "partitions", "kept", "key", "said by", "heard by")


def printed(prefix: str, out: TextIO, *, as_json: bool) -> int:
    """Needs no cluster."""
    if as_json:
        out.write(json.dumps([_told(topic, prefix) for topic in TOPICS], indent=2) + "\n")
    else:
        out.write(aligned((_HEADER, *(_row(topic, prefix) for topic in TOPICS))))
    return DONE


def log_of(brokers: Brokers) -> Log:
    """Raises NotUnderstood, LogMisconfigured."""
    if not brokers.bootstrap:
        raise NotUnderstood(
            "PENSTOCK_KAFKA_BOOTSTRAP is missing: name the brokers whose topics are meant; "
            "`penstock up` needs no topics, and --print needs no brokers"
        )
    return KafkaLog(KafkaAddress(brokers.bootstrap, brokers.prefix, read_properties(brokers.config)))


async def created(log: Log, prefix: str, out: TextIO) -> int:
    """Raises LogUnavailable, LogMisconfigured."""
    try:
        before = await log.partitions()
        await log.prepare()
        after = await log.partitions()
    finally:
        await log.close()
    for topic in TOPICS:
        there = after[topic.name]
        news = "created" if topic.name not in before else "there"
        differs = f" (the flow table says {topic.partitions})" if there != topic.partitions else ""
        out.write(f"{news:<8} {prefix}{topic.name}, {there} partitions{differs}\n")
    return DONE


def _row(topic: Topic, prefix: str) -> Sequence[str]:
    kept = f"{topic.retention_hours // 24} d"
    speakers, hearers = ", ".join(topic.said_by), ", ".join(topic.heard_by)
    return (prefix + topic.name, str(topic.partitions), kept, str(topic.key), speakers, hearers)


def _told(topic: Topic, prefix: str) -> dict[str, object]:
    return {
        "topic": prefix + topic.name,
        "partitions": topic.partitions,
        "retention_ms": topic.retention_hours * 3_600_000,
        "key": str(topic.key),
        "said_by": list(topic.said_by),
        "heard_by": list(topic.heard_by),
    }
