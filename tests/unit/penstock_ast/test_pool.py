"""The worker processes: what one hostile file may and may not do."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from penstock_ast.adapters.pool import ProcessPool
from penstock_ast.analysis import Analyser
from penstock_ast.task import FileState, FileTask
from tests.support.waiting import eventually

# A worker that does what its file says, so that no real parser has to be brought to its knees.
HOSTILE = textwrap.dedent(
    """
    import os, signal, sys, time
    from penstock_ast.adapters import worker

    class Obedient(worker.Analyser):
        def file(self, task):
            if task.after == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if task.after == "hang":
                signal.pause()
            return super().file(task)

    worker.Analyser = Obedient
    worker.serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[-1]))
    """
)


def task(path: str, after: str = "def f():\n    return 1\n") -> FileTask:
    return FileTask(path=path, language="python", before=None, after=after, added=(1, 2), removed=())


async def test_a_worker_process_says_the_same_as_the_analysis_in_this_process() -> None:
    pool = ProcessPool(size=1, seconds=30)
    try:
        assert list(await pool.analyse([task("a.py"), task("b.py")])) == [
            Analyser().file(task("a.py")),
            Analyser().file(task("b.py")),
        ]
    finally:
        await pool.close()


@pytest.mark.parametrize(("deed", "seconds"), [("die", 30.0), ("hang", 4.0)])
async def test_a_file_that_ends_its_worker_is_failed_and_the_others_are_analysed(deed: str, seconds: float) -> None:
    pool = ProcessPool(size=1, seconds=seconds, command=("-c", HOSTILE))
    await pool.analyse([task("warm.py")])
    try:
        results = await pool.analyse([task("a.py"), task("hostile.py", deed), task("b.py")])
        assert {result.file.path: result.file.status for result in results} == {
            "a.py": FileState.ANALYSED,
            "hostile.py": FileState.FAILED,
            "b.py": FileState.ANALYSED,
        }
    finally:
        await pool.close()


async def test_a_worker_that_was_ended_while_idle_costs_no_file() -> None:
    pool = ProcessPool(size=1, seconds=30, command=("-c", HOSTILE))
    try:
        await pool.analyse([task("a.py")])
        (process,) = pool.processes
        os.kill(process, signal.SIGKILL)
        await eventually(lambda: process not in pool.processes, what="the death of the idle worker")
        (result,) = await pool.analyse([task("b.py")])
        assert result.file.status == FileState.ANALYSED
    finally:
        await pool.close()


async def test_a_cancelled_analysis_leaves_no_process_behind() -> None:
    pool = ProcessPool(size=1, seconds=30, command=("-c", HOSTILE))
    running = asyncio.create_task(pool.analyse([task("hostile.py", "hang")]))
    await eventually(lambda: pool.processes, what="the start of the worker")
    running.cancel()
    await asyncio.wait({running})
    assert pool.processes == ()


def test_a_worker_ends_when_its_input_ends() -> None:
    command = [sys.executable, "-m", "penstock_ast.adapters.worker", "5"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=30, check=False).returncode == 0
