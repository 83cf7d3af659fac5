"""The bounded form of the campaign; `make chaos` runs the long ones."""

import pytest

from penstock.local.errors import KafkaUnavailable, PostgresUnavailable
from tests.chaos import campaign
from tests.chaos.plan import Kind, Plan

SHORT = Plan(
    pull_requests=10,
    faults=14,
    seed=20,
    striking=15,
    limit=180,
    twice=True,
    kinds=frozenset(Kind) - {Kind.LEASE},  # it takes longer than all the rest
    in_hand=0.0,
)


@pytest.mark.kafka
def test_nothing_is_lost_and_nothing_is_said_twice_while_everything_breaks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        report = campaign.run(SHORT, print)
    except (KafkaUnavailable, PostgresUnavailable) as unavailable:
        pytest.skip(f"NO CAMPAIGN: {unavailable}")
    with capsys.disabled():
        print(f"\n{report.text()}")
    assert [verdict for verdict in report.verdicts if not verdict.held] == []
