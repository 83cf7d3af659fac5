import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from penstock.cli import main
from tests.integration.penstock.working_copies import WorkingCopy
from tests.support.git_repositories import ISOLATED


class Printed(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    def places(self) -> list[tuple[str, str, int, int]]:
        """Of the findings: rule, path, first and last line."""
        return sorted((each["rule"], each["path"], each["start_line"], each["end_line"]) for each in self.findings)

    @property
    def findings(self) -> list[dict[str, Any]]:
        found = self.document["findings"]
        assert isinstance(found, list)
        return found

    def reasons(self) -> dict[str, str]:
        return {each["path"]: each["reason"] for each in self.document["not_reviewed"]}


Review = Callable[..., Printed]


@pytest.fixture
def copy(tmp_path: Path) -> WorkingCopy:
    return WorkingCopy.started(tmp_path / "copy")


@pytest.fixture
def review(copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Review:
    """`penstock review` as it is typed in the working copy, without a model and without anybody's git configuration."""
    for name in os.environ:
        if name.startswith(("PENSTOCK_", "GIT_")):
            monkeypatch.delenv(name)
    for name, value in ISOLATED.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, folder: str = ".", environ: dict[str, str] | None = None) -> Printed:
        monkeypatch.chdir(copy.folder / folder)
        for name, value in (environ or {}).items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = main(["review", *arguments])
        return Printed(code, *capfd.readouterr())

    return run
