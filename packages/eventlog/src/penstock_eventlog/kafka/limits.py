"""How much a topic takes at once: `max.message.bytes`, which the brokers hold against whole batches."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]

from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.kafka.failures import NO_TOPIC, RIGHTS

_SECONDS = 8.0
_NAME = "max.message.bytes"
_UNTOLD = NO_TOPIC | RIGHTS | {KafkaError.UNSUPPORTED_VERSION, KafkaError._UNSUPPORTED_FEATURE}
_log = logging.getLogger(__name__)


def limits_of(topics: Sequence[str], admin: AdminClient) -> Mapping[str, int]:
    """Of those topics that there are and that may be asked about. Raises KafkaException, LogUnavailable."""
    asked: Mapping[ConfigResource, Future[Mapping[str, ConfigEntry]]] = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    )
    found: dict[str, int] = {}
    for resource, future in asked.items():
        try:
            found[resource.name] = int(str(future.result(_SECONDS)[_NAME].value))
        except TimeoutError as error:
            raise LogUnavailable(f"no answer to how much the topic {resource.name} takes") from error
        except KafkaException as exception:
            if exception.args[0].code() not in _UNTOLD:
                raise
            _log.debug("nobody says how much a topic takes", extra={"topic": resource.name})
    return found
