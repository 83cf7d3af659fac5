"""What is drawn from a seed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.chaos.__main__ import plans
from tests.chaos.campaign import enough_kills
from tests.chaos.faults import Struck
from tests.chaos.plan import LASTING, ON_THE_PLATFORM, SERVICES, Deed, Kind, Plan

PLAN = Plan(pull_requests=10, faults=200, seed=7, striking=400, limit=600)


def test_the_same_seed_draws_the_same_faults_and_another_others() -> None:
    assert PLAN.drawn() == replace(PLAN, twice=True).drawn()
    assert PLAN.drawn() != replace(PLAN, seed=8).drawn()


def test_every_kind_that_was_asked_for_is_made_and_no_other() -> None:
    assert {fault.kind for fault in replace(PLAN, faults=len(Kind)).drawn()} == set(Kind)
    asked = frozenset({Kind.KILL, Kind.DROP})
    assert {fault.kind for fault in replace(PLAN, kinds=asked).drawn()} == asked


def test_all_processes_are_killed_equally_often() -> None:
    killed = [fault.victim for fault in replace(PLAN, kinds=frozenset({Kind.KILL})).drawn()]
    counts = {service: killed.count(service) for service in SERVICES}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_what_lasts_stays_within_its_bounds_and_within_a_short_campaign() -> None:
    for fault in PLAN.drawn():
        least, most = LASTING.get(fault.kind, (0.0, 0.0))
        assert least <= fault.seconds <= most
    short = replace(PLAN, striking=40)
    assert all(fault.seconds <= 12 for fault in short.drawn())


def test_people_do_each_thing_at_least_once_where_there_is_room_and_leave_most_alone() -> None:
    plan = replace(PLAN, pull_requests=1_000)
    done = plan.done()
    assert done == replace(plan, twice=True).done() != replace(plan, seed=8).done()
    assert set(done) == {None, *Deed}
    assert 500 < done.count(None) < 700
    assert {*Deed} <= set(PLAN.done())
    assert len(replace(PLAN, pull_requests=3).done()) == 3


def test_nobody_asks_a_console_where_there_is_none() -> None:
    assert set(replace(PLAN, pull_requests=1_000, deeds=ON_THE_PLATFORM).done()) == {None, *ON_THE_PLATFORM}


def test_without_a_word_about_it_records_are_delivered_once_and_then_twice() -> None:
    assert [plan.twice for plan in plans([])] == [False, True]
    assert [plan.twice for plan in plans(["--twice"])] == [True]


def test_the_long_form_is_a_thousand_and_more_within_three_quarters_of_an_hour_and_can_be_changed() -> None:
    (plan,) = plans(["--long", "--brokers", "3"])
    assert min(plan.pull_requests, plan.faults) > 1000
    assert plan.limit < 45 * 60
    assert plan.brokers == 3
    (twice,) = plans(["--long", "--twice", "--faults", "10"])
    assert (twice.twice, twice.faults, twice.pull_requests) == (True, 10, plan.pull_requests)


def test_kinds_are_named_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    (plan,) = plans(["--once", "--kinds", "kill,half-close"])
    assert plan.kinds == {Kind.KILL, Kind.HALF_CLOSE}
    with pytest.raises(SystemExit):
        plans(["--kinds", "earthquake"])
    assert "there is no kind" in capsys.readouterr().err


@pytest.mark.parametrize("nothing", ["--pull-requests=0", "--faults=0", "--faults=-5", "--minutes=0", "--minutes=inf"])
def test_a_campaign_in_which_nothing_would_happen_is_refused(nothing: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        plans([nothing])
    assert nothing.partition("=")[0] in capsys.readouterr().err


def test_a_campaign_of_kills_that_killed_nobody_proves_too_little() -> None:
    plan = replace(PLAN, in_hand=0.0)
    idle = Struck(Kind.KILL, "ast", datetime(2030, 1, 1, tzinfo=UTC), "loop.6.committed")
    assert not enough_kills(plan, []).held
    assert enough_kills(plan, [idle]).held
    assert not enough_kills(PLAN, [idle]).held
    assert enough_kills(replace(PLAN, kinds=frozenset({Kind.DROP})), []).held
