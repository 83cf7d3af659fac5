"""Where `penstock review` analyses files."""

from collections.abc import Sequence

import pytest

from penstock.reviewing.pool import NearPool
from penstock_ast.task import FileResult, FileState, FileTask, without_analysis

TASK = FileTask("a.py", "python", None, "def f(a=[]):\n    return a\n", added=(1, 2), removed=())


class FarPool:
    """Fails whatever it is given, so that its results can be told."""

    closed = False

    async def analyse(self, tasks: Sequence[FileTask]) -> Sequence[FileResult]:
        return [without_analysis(task, FileState.FAILED, "far") for task in tasks]

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("files", "near"), [(1, True), (4, True), (5, False)])
async def test_a_change_that_is_not_small_goes_to_other_processes(files: int, near: bool) -> None:
    pool = NearPool(FarPool(), small=4 * len(TASK.after or ""))
    results = await pool.analyse([TASK] * files)
    assert len(results) == files
    assert {result.file.note for result in results} == {"" if near else "far"}
    assert {len(result.findings) for result in results} == {1 if near else 0}


async def test_the_other_processes_are_ended_with_it() -> None:
    far = FarPool()
    await NearPool(far).close()
    assert far.closed
