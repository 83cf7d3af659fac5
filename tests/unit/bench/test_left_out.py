"""What could not be measured is never passed off as measured."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import bench.__main__ as program
from bench.figures import Figure, Side, left_out, percentile_of_parts
from bench.generator import Phase, Seen
from bench.recovery import Recovered, figures
from bench.webhook import latency_figure
from penstock.local.errors import KafkaUnavailable

TAKEN = Figure("codec", (2.0,), Side.AT_LEAST, 1.0)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(program, "RESULTS", tmp_path / "results.md")
    monkeypatch.setattr(program, "RESULTS_LONG", tmp_path / "results_long.md")
    return tmp_path / "results.md"


def bench_that_takes(monkeypatch: pytest.MonkeyPatch, *taken: Figure, arguments: Sequence[str] = ()) -> int:
    def all_of(names: Sequence[str], *, short: bool) -> Iterator[tuple[str, Figure]]:
        return ((names[0], figure) for figure in taken)

    monkeypatch.setattr(program, "_all", all_of)
    return program.main(arguments)


def test_results_are_written_where_everything_was_measured(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench_that_takes(monkeypatch, TAKEN) == 0
    assert "codec" in results.read_text()


def test_what_takes_long_has_results_of_its_own(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench_that_takes(monkeypatch, TAKEN, arguments=["--long"]) == 0
    assert "python -m bench --long" in results.with_name("results_long.md").read_text()
    assert not results.exists()


def test_a_short_run_writes_no_results(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["--short"], ["--long", "--short"]):
        assert bench_that_takes(monkeypatch, TAKEN, arguments=arguments) == 0
    assert list(results.parent.iterdir()) == []


def test_what_was_left_out_is_named_and_results_stay_as_they_were(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_that_takes(monkeypatch, TAKEN, left_out("relay", KafkaUnavailable(reason="there is no Java"))) == 1
    assert not results.exists()
    told = capsys.readouterr()
    assert "relay" in told.err
    assert "NOT MEASURED" in told.out


def test_one_step_lost_in_one_round_of_three_is_a_step_lost() -> None:
    rounds = [Recovered(went_on=1.0, ended=2.0, lost=lost, twice=0, again=0) for lost in (0, 0, 1)]
    assert [figure.holds for figure in figures("ours", rounds, "no peer")] == [True, False]


def test_a_percentile_is_that_of_the_whole_run_and_its_spread_that_of_the_fifths() -> None:
    values = [1.0] * 80 + [9.0] * 20
    parts = percentile_of_parts(values, 0.99)
    assert parts == (1.0, 1.0, 1.0, 1.0, 9.0)
    figure = Figure("p99", (9.0,), Side.BELOW, 5.0, parts=parts)
    assert (figure.holds, figure.cells()[1:3]) == (False, ("9.00", "1.00 to 9.00"))


def test_a_webhook_that_was_refused_counts_for_no_latency() -> None:
    fine = Seen(1.0, {202: 100}, [0.01] * 100, [0.0] * 100)
    shed = Seen(1.0, {202: 99, 503: 1}, [0.01] * 100, [0.0] * 100)
    assert latency_figure(Phase(100, 100.0), fine, fine).holds
    for ours, peer in ((shed, fine), (fine, shed)):
        with pytest.raises(RuntimeError, match="503"):
            latency_figure(Phase(100, 100.0), ours, peer)
