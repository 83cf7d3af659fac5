"""What is asked of the cluster itself, by clients that stopped answering."""

from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]  # it does, but not by name

from penstock_eventlog.errors import LogUnavailable
from penstock_eventlog.kafka import KafkaAddress, KafkaLog, log


class Client:
    """The first of these has forgotten all brokers and never answers again; later ones do."""

    made: ClassVar[list["Client"]] = []

    def __init__(self, *_: Any, **__: Any) -> None:
        self.made.append(self)

    def list_topics(self, timeout: float) -> ClusterMetadata:
        if self is self.made[0]:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return ClusterMetadata()


async def test_what_nobody_answered_is_asked_again_by_a_new_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "made", [])
    monkeypatch.setattr(log, "AdminClient", Client)
    asked = KafkaLog(KafkaAddress("127.0.0.1:1"))
    with pytest.raises(LogUnavailable):
        await asked.partitions()
    assert await asked.partitions() == {}
    assert await asked.partitions() == {}
    assert len(Client.made) == 2
