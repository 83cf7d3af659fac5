"""What `python -m tests.sim` may be asked for."""

import pytest

from tests.sim.__main__ import main
from tests.sim.simulation import FEWEST, Schedule


@pytest.mark.parametrize("nothing", ["--runs=0", "--runs=-5", "--failures=0", "--actions=3", "--runs=many"])
def test_numbers_with_which_nothing_would_be_simulated_are_refused(
    nothing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([nothing])
    assert nothing.partition("=")[0] in capsys.readouterr().err


def test_the_shortest_run_that_may_be_asked_for_can_be_drawn() -> None:
    assert Schedule.drawn(7, FEWEST).actions
