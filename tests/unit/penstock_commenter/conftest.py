"""The stage every test of the handler plays on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.penstock_commenter.stage import Stagehand, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stagehand]:
    async with set_stage(tmp_path) as hand:
        yield hand
