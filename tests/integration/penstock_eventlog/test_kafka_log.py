"""The suite of the log on Kafka."""

from collections.abc import AsyncIterator

import pytest

from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from tests.suites.log import LogGroups, LogSuite
from tests.support.kafka import KafkaForTest


class KafkaDesk:
    def __init__(self, log: KafkaLog) -> None:
        self.log = log

    async def settle(self) -> None:
        """What is acknowledged is there."""


@pytest.fixture
async def desk(kafka: KafkaForTest) -> AsyncIterator[KafkaDesk]:
    # The client believes for 30 s that a topic it does not find may be on its way.
    log = KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix, {"topic.metadata.propagation.max.ms": "1500"}))
    await log.prepare()
    yield KafkaDesk(log)
    await log.close()


@pytest.mark.kafka
class TestKafkaLog(LogSuite, LogGroups):
    """A topic of every test's own, by its prefix."""
