"""Where files are analysed: a small change in this process, since starting another takes longer than its analysis."""

import asyncio
from collections.abc import Sequence

from penstock_ast.analysis import Analyser
from penstock_ast.ports import Pool
from penstock_ast.task import FileResult, FileTask

SMALL = 2_000_000
"""Characters, both sides of all files together: about a second of work."""


class NearPool:
    """Implements Pool. `far` is for what is not small."""

    def __init__(self, far: Pool, small: int = SMALL) -> None:
        self._far = far
        self._small = small

    async def analyse(self, tasks: Sequence[FileTask]) -> Sequence[FileResult]:
        if sum(len(task.before or "") + len(task.after or "") for task in tasks) > self._small:
            return await self._far.analyse(tasks)
        analyser = Analyser()
        results: list[FileResult] = []
        for task in tasks:
            results.append(analyser.file(task))
            await asyncio.sleep(0)  # the others have a turn between two files
        return results

    async def close(self) -> None:
        await self._far.close()
