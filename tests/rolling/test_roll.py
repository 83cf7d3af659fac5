"""The bounded form of a roll; `python -m tests.rolling` is the long one."""

import asyncio
from collections.abc import Sequence

import pytest

from penstock.local.errors import KafkaUnavailable, PostgresUnavailable
from tests.chaos.verdict import Verdict
from tests.rolling.ground import opened
from tests.rolling.people import plan_of
from tests.rolling.replacing import Rolling

SHORT = plan_of(6, seconds=16.0)


def rolled() -> Sequence[Verdict]:
    try:
        with opened() as ground:
            return asyncio.run(Rolling(ground, SHORT, 60.0, print).run())
    except (KafkaUnavailable, PostgresUnavailable) as unavailable:
        pytest.skip(f"NOTHING TO ROLL: {unavailable}")


@pytest.mark.kafka
def test_versions_are_rolled_there_and_back_under_load_and_nothing_is_lost_or_doubled() -> None:
    assert [verdict for verdict in rolled() if not verdict.held] == []
