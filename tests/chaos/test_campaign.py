"""The bounded form of the campaign; `make chaos` runs the long ones."""

import pytest

from penstock.local.errors import KafkaUnavailable, PostgresUnavailable
from tests.chaos import campaign
from tests.chaos.plan import Plan

SHORT = Plan(pull_requests=20, faults=22, seed=20, striking=40, limit=180, twice=True, in_hand=0.2)


@pytest.mark.kafka
def test_nothing_is_lost_and_nothing_is_said_twice_while_processes_are_killed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        report = campaign.run(SHORT, print)
    except (KafkaUnavailable, PostgresUnavailable) as unavailable:
        pytest.skip(f"NO CAMPAIGN: {unavailable}")
    with capsys.disabled():
        print(f"\n{report.text()}")
    assert [verdict for verdict in report.verdicts if not verdict.held] == []
