"""Lines of JSON appended to a file. A line cut short by a kill is the last one and is dropped when read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Journal:
    """Every line reaches the operating system before `append` returns: it outlives the process, not the machine."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lines = list(_whole_lines(path))
        whole = "".join(f"{line}\n" for line in self._lines)
        if path.exists() and path.read_text(encoding="utf-8") != whole:
            path.write_text(whole, encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self) -> Iterator[Any]:
        """What was there when the journal was opened."""
        lines, self._lines = self._lines, []
        return (json.loads(line) for line in lines)

    def append(self, entry: Any) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _whole_lines(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield line[:-1]
