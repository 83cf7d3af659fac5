"""What is counted of runs, kills and memory in the comparisons with peers."""

import asyncio
from pathlib import Path

import pytest

from bench.burst import ENOUGH, PULLS, SERVICES, SHORT_PULLS, Burst, asked_for, drawn, figures
from bench.five_stages import Contender, compared
from bench.five_stages_load import Turn, carried_out
from bench.five_stages_ours import opened, run_of
from bench.five_stages_work import STEPS, Work, entries, times_done
from bench.recovery import RUNS, Journal
from bench.setup import Ground


async def test_a_closed_loop_keeps_as_many_runs_under_way_as_it_was_told() -> None:
    under_way: list[str] = []
    most = 0

    async def run(name: str) -> None:
        nonlocal most
        under_way.append(name)
        most = max(most, len(under_way))
        await asyncio.sleep(0)
        under_way.remove(name)

    await carried_out(run, Turn("t", flight=3, seconds=0.0))
    assert (most, under_way) == (3, [])


async def test_an_open_loop_starts_every_run_once_and_waits_for_all() -> None:
    started: list[str] = []

    async def run(name: str) -> None:
        started.append(name)

    ran = await carried_out(run, Turn("t", count=20, per_second=10_000.0))
    assert sorted(started) == sorted(f"t-{number}" for number in range(20))
    assert len(ran.latencies) == 20


async def test_a_stage_writes_down_when_it_begins_and_when_its_work_is_done(tmp_path: Path) -> None:
    work = Work(journal=tmp_path / "journal")
    await work.do("run", "ast", "text")
    await work.do("run", "ast", "text")
    assert [entry.what for entry in entries(tmp_path / "journal")] == ["began", "done"] * 2
    assert times_done(entries(tmp_path / "journal")) == {("run", "ast"): 2}


def test_every_run_is_a_pull_request_of_its_own_and_known_before_it_begins() -> None:
    assert run_of(opened("a")) == run_of(opened("a"))
    assert run_of(opened("a")) != run_of(opened("b"))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(Ground(tmp_path, ""))


def line(at: float, what: str, run: int, step: str) -> str:
    return f"{at} {what} run-{run} {step} 1\n"


def whole(run: int, begin: float) -> str:
    """A run whose steps begin a second after each other."""
    return "".join(
        line(begin + number, "began", run, step) + line(begin + number + 0.5, "done", run, step)
        for number, step in enumerate(STEPS)
    )


def test_runs_that_a_kill_does_not_touch_lose_nothing(journal: Journal) -> None:
    journal.path.write_text("".join(whole(run, 10.0) for run in range(RUNS)))
    judged = journal.judge(killed=13.2)
    assert (judged.lost, judged.twice, judged.again) == (0, 0, 0)
    assert judged.went_on == pytest.approx(0.8)
    assert judged.ended == pytest.approx(2.3)


def test_a_step_that_was_cut_off_is_begun_again_and_one_whose_record_was_lost_is_done_twice(journal: Journal) -> None:
    cut_off = line(12.9, "began", 0, "comment") + line(12.5, "began", 1, "ast") + line(12.9, "done", 1, "ast")
    journal.path.write_text(cut_off + "".join(whole(run, 20.0) for run in range(RUNS)))
    judged = journal.judge(killed=13.0)
    assert (judged.lost, judged.twice, judged.again) == (0, 1, 1)
    assert judged.went_on == pytest.approx(7.0)


def test_what_was_never_done_is_lost(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.recovery.PATIENCE", 0.0)
    journal.path.write_text("".join(whole(run, 10.0) for run in range(RUNS - 1)) + line(10.0, "began", 99, "prepare"))
    assert journal.judge(killed=10.0).lost == len(STEPS)


def test_memory_grows_from_a_quarter_to_the_end() -> None:
    memory = {"ast": [10.0] * 25 + [100.0] * 50 + [120.0] * 25}
    assert Burst(1, 1.0, 1.0, {}, {}, memory, {}).growth("ast") == pytest.approx(20.0)


def test_what_has_no_review_is_lost_and_what_has_two_was_said_twice() -> None:
    burst = Burst(3, 1.0, 1.0, {}, {("acme/shop", 1): 1, ("acme/shop", 2): 2}, {}, {})
    assert (burst.lost, burst.twice) == (1, 1)


def test_a_burst_has_as_many_pull_requests_as_are_asked_for() -> None:
    asked: tuple[list[str], ...] = ([], ["--short"], ["--pull-requests", "300"])
    assert [asked_for(arguments) for arguments in asked] == [PULLS, SHORT_PULLS, 300]
    for refused in (["--pull-requests", "0"], ["--short", "--pull-requests", "300"]):
        with pytest.raises(SystemExit, match="2"):
            asked_for(refused)


def test_memory_is_judged_where_enough_pull_requests_came() -> None:
    memory = {service: [10.0] * 100 for service in SERVICES}
    few, enough = (
        [figure.name.split(": ")[1] for figure in figures(Burst(pulls, 1.0, 1.0, {}, {}, memory, {}))]
        for pulls in (ENOUGH - 1, ENOUGH)
    )
    assert set(enough) - set(few) == {"memory grows from a quarter to the end"}


def test_a_course_is_drawn_between_its_least_and_its_most() -> None:
    assert drawn([50.0, 60.0, 85.0]) == "50 to 85 MB ▁▃█"


def not_started(name: str) -> Contender:
    return Contender(name, lambda: pytest.fail("started"), lambda: pytest.fail("asked"), flight=8)


def test_a_side_is_compared_round_by_round() -> None:
    ours, peer = (not_started(name) for name in ("ours", "DBOS"))
    ours.rates, ours.p50s, ours.latencies, ours.waited = [90.0, 120.0, 50.0], [40.0, 40.0, 40.0], [0.04], [31.0]
    peer.rates, peer.p50s, peer.latencies, peer.waited = [60.0, 60.0, 50.0], [20.0, 20.0, 80.0], [0.02], [8.0]
    rates, latencies = compared("both wait", ours, peer)
    assert (rates.values, rates.holds) == ((1.5, 2.0, 1.0), True)
    assert (latencies.values, latencies.holds) == ((2.0, 2.0, 0.5), False)
    assert ["31 waits for the disk" in rates.beside, "8 waits for the disk" in rates.beside] == [True, True]
