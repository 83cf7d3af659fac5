"""How soon a dead member is noticed in groups of KIP-848: there the brokers keep it, for each group."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.kafka.config import CLASSIC

_SECONDS = 8.0
SETTINGS: Mapping[str, str] = {
    "consumer.session.timeout.ms": str(CLASSIC["session.timeout.ms"]),
    "consumer.heartbeat.interval.ms": str(CLASSIC["heartbeat.interval.ms"]),
}
_log = logging.getLogger(__name__)


def shorten(groups: Sequence[str], admin: AdminClient) -> None:
    """As in classic groups, where the brokers allow it; else a warning names what to change there."""
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in SETTINGS.items()
    ]
    resources = [ConfigResource(ResourceType.GROUP, group, incremental_configs=entries) for group in groups]
    altered: Mapping[ConfigResource, Future[None]] = admin.incremental_alter_configs(resources)
    for resource, future in altered.items():
        try:
            future.result(_SECONDS)
        except TimeoutError as error:
            raise LogUnavailable(f"no answer to the session of the group {resource.name}") from error
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError.INVALID_CONFIG:
                raise
            _log.warning(
                "the brokers keep the group's own session: set group.consumer.min.session.timeout.ms and "
                "group.consumer.min.heartbeat.interval.ms there, then run `penstock topics`",
                extra={"group": resource.name, "error": exception.args[0].str()},
            )
