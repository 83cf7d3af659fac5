"""What the bench of growing tables takes for growth."""

import pytest

from bench.growth import growth, worst


def sizes_of(*, flat: int, leaking: int) -> list[dict[str, int]]:
    """Rising and falling, as vacuum makes it, beside a table that only ever grows."""
    return [{"flat": flat + (step % 5) * 100, "leaking": leaking * (step + 1)} for step in range(40)]


@pytest.mark.parametrize(("leaking", "holds"), [(0, True), (2, True), (10, False)])
def test_a_table_that_only_grows_is_found_among_others_that_rise_and_fall(leaking: int, *, holds: bool) -> None:
    seen = sizes_of(flat=1_000, leaking=leaking)
    assert growth("tables", seen, {"flat", "leaking"}).holds is holds


def test_what_was_larger_before_a_quarter_of_the_runs_excuses_nothing() -> None:
    """At the start nothing is vacuumed yet."""
    seen = sizes_of(flat=1_000, leaking=10)
    seen[0]["flat"] = 100_000
    assert not growth("tables", seen, {"flat", "leaking"}).holds


def test_a_small_table_that_only_grows_is_found_beside_large_ones() -> None:
    seen = [{"large": 2**30, "small": step * 2**18} for step in range(40)]
    assert growth("tables", seen, {"large", "small"}).holds
    assert not worst(seen).holds
    assert "small" in worst(seen).beside
    assert worst([{"large": 2**30, "small": 0 if step < 20 else 2**16} for step in range(40)]).holds


def test_tables_that_are_not_summed_do_not_count() -> None:
    assert growth("tables", sizes_of(flat=1_000, leaking=10), {"flat"}).holds
