"""The log on Kafka."""

from penstock_eventlog.kafka.config import KafkaAddress, read_properties
from penstock_eventlog.kafka.log import KafkaLog

__all__ = ["KafkaAddress", "KafkaLog", "read_properties"]
