"""What this service needs from outside, beside the blobs and the repositories."""

from collections.abc import Sequence
from typing import Protocol

from penstock_ast.task import FileResult, FileTask


class Pool(Protocol):
    """Analyses files away from the loop. One result per task, in any order; a file that cannot be analysed, whatever
    it does to the process that tries, is a result that says `failed`."""

    async def analyse(self, tasks: Sequence[FileTask]) -> Sequence[FileResult]: ...

    async def close(self) -> None: ...
