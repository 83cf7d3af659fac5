"""Clocks that go wrong while they are read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from tests.chaos.skewed import WrongClock, clock_beside, set_wrong


def test_a_clock_goes_wrong_by_minutes_and_jumps_while_it_runs_and_time_passes_as_ever(tmp_path: Path) -> None:
    file, rng = clock_beside(tmp_path / "ast.steps"), Random(3)
    set_wrong(file, rng)
    clock = WrongClock(file)
    first = clock.now() - datetime.now(UTC)
    set_wrong(file, rng)
    second = clock.now() - datetime.now(UTC)
    assert timedelta(seconds=1) < abs(first - second) < timedelta(minutes=20)
    assert max(abs(first), abs(second)) < timedelta(minutes=10, seconds=1)
    before = clock.monotonic()
    set_wrong(file, rng)
    assert 0 <= clock.monotonic() - before < 5
