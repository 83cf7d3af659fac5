"""A backup put back under a living Kafka, and Kafka lost: everything ends, and nothing is doubled."""

import asyncio
from collections.abc import Sequence

import pytest

from penstock.local.errors import KafkaUnavailable, PostgresUnavailable
from tests.chaos.verdict import Verdict
from tests.rolling.ground import opened
from tests.rolling.people import plan_of
from tests.rolling.restoring import Losing

SHORT = plan_of(10, seconds=12.0)
LIMIT = 60.0


def played(story: str) -> Sequence[Verdict]:
    try:
        with opened() as ground:
            losing = Losing(ground, SHORT, LIMIT, print)
            return asyncio.run(losing.old_backup() if story == "old backup" else losing.lost_kafka())
    except (KafkaUnavailable, PostgresUnavailable) as unavailable:
        pytest.skip(f"NOTHING TO RESTORE: {unavailable}")


@pytest.mark.kafka
@pytest.mark.parametrize("loss", ["old backup", "lost kafka"])
def test_after_a_loss_every_run_ends_and_nothing_is_said_twice(loss: str) -> None:
    assert [verdict for verdict in played(loss) if not verdict.held] == []
