import os
import signal
import subprocess
import sys
from pathlib import Path
from timeit import timeit

import pytest

from penstock_runtime.steps import (
    NO_STEPS,
    CrashAt,
    Crashed,
    LastStep,
    RecordedSteps,
    Steps,
    read_steps,
    steps_from_env,
)

RUNS_UNTIL_KILLED = """
import sys
from pathlib import Path
from penstock_runtime.steps import RecordedSteps
steps = RecordedSteps(Path(sys.argv[1]))
steps.hold(7)
steps.reach("loop.polled")
steps.reach("loop.handled")
print("there", flush=True)
sys.stdin.read()
"""

DIES_BY_ITSELF = """
from penstock_runtime.steps import CrashAt, die
steps = CrashAt("relay.published", nth=2, crash=die)
steps.reach("relay.published")
print("once", flush=True)
steps.reach("relay.published")
print("never", flush=True)
"""


def test_kill_9_leaves_a_file_that_says_where_the_process_died(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    command = [sys.executable, "-c", RUNS_UNTIL_KILLED, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"there\n"
        child.send_signal(signal.SIGKILL)
        assert child.wait(timeout=10) == -signal.SIGKILL
    assert read_steps(path) == LastStep(point="loop.handled", held=7, count=2)


def test_a_fresh_file_says_that_no_point_was_reached(tmp_path: Path) -> None:
    RecordedSteps(tmp_path / "deep" / "steps")
    assert read_steps(tmp_path / "deep" / "steps") == LastStep(point="", held=0, count=0)


def test_every_step_can_be_read_while_the_process_lives(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    steps = RecordedSteps(path)
    for count, point in enumerate(["a", "a.very.long.name" * 20, "b"], start=1):
        steps.reach(point)
        steps.hold(count * 10)
        seen = read_steps(path)
        assert point.startswith(seen.point)
        assert seen.point
        assert (seen.held, seen.count) == (count * 10, count)


@pytest.mark.parametrize("torn_at", range(4))
def test_a_slot_that_was_being_written_when_the_process_died_is_not_believed(tmp_path: Path, torn_at: int) -> None:
    path = tmp_path / "steps"
    steps = RecordedSteps(path)
    for number in range(torn_at):
        steps.reach(f"point.{number}")
    before = read_steps(path)
    content = bytearray(path.read_bytes())
    slot = len(content) // 2
    # The constructor wrote sequence 1; the next write goes to the slot of the next sequence and begins by voiding it.
    at = ((torn_at + 2) % 2) * slot
    content[at : at + slot] = bytes(8) + b"\xff" * (slot - 8)
    path.write_bytes(content)
    assert read_steps(path) == before


def test_a_simulated_process_crashes_at_the_nth_reach_of_its_point_and_only_there() -> None:
    steps = CrashAt("loop.committed", nth=2)
    steps.hold(3)
    steps.reach("loop.committed")
    steps.reach("loop.polled")
    with pytest.raises(Crashed):
        steps.reach("loop.committed")
    steps.reach("loop.committed")
    assert (steps.held, steps.reached) == (3, 3)


def test_what_several_loops_of_a_process_hold_is_told_together(tmp_path: Path) -> None:
    steps = RecordedSteps(tmp_path / "steps")
    steps.hold(2, "files")
    steps.hold(3, "pull requests")
    steps.hold(0, "files")
    assert read_steps(tmp_path / "steps").held == 3


def test_a_crash_is_not_an_exception_that_a_broad_handler_would_catch() -> None:
    assert not issubclass(Crashed, Exception)


def test_a_real_process_can_be_made_to_die_at_a_point() -> None:
    ended = subprocess.run([sys.executable, "-c", DIES_BY_ITSELF], capture_output=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout) == (137, b"once\n")


def test_the_environment_decides_whether_steps_are_recorded(tmp_path: Path) -> None:
    assert steps_from_env({}) is NO_STEPS
    steps = steps_from_env({"PENSTOCK_STEPS_FILE": str(tmp_path / "{pid}.steps")})
    steps.reach("here")
    assert read_steps(tmp_path / f"{os.getpid()}.steps").point == "here"


def test_a_step_that_nobody_records_costs_less_than_a_microsecond() -> None:
    steps: Steps = NO_STEPS
    best = min(timeit(lambda: steps.reach("x"), number=20_000) for _ in range(5)) / 20_000
    assert best < 1e-6
