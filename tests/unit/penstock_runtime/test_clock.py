from datetime import UTC, datetime, timedelta, timezone

import pytest

from penstock_runtime.clock import Clock, ManualClock, SystemClock


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_a_clock_says_an_aware_time_in_utc_and_never_goes_back(clock: Clock) -> None:
    first, second = clock.monotonic(), clock.monotonic()
    assert clock.now().utcoffset() == timedelta(0)
    assert second >= first


def test_a_manual_clock_stands_still_until_it_is_moved_and_both_readings_move_together() -> None:
    clock = ManualClock(datetime(2026, 5, 4, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == datetime(2026, 5, 4, 10, tzinfo=UTC)
    clock.advance(90)
    assert clock.now() == datetime(2026, 5, 4, 10, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90


def test_a_manual_clock_refuses_to_go_back_or_to_start_at_a_naive_time() -> None:
    with pytest.raises(ValueError, match="go back"):
        ManualClock().advance(-1)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001
