"""The stage every test of the handler plays on."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.unit.penstock_commenter.stage import Stagehand, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stagehand]:
    async with set_stage(tmp_path) as hand:
        yield hand


@pytest.fixture(autouse=True)
def _no_real_network(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object) -> httpx.Response:
        raise AssertionError("a test of the commenter went to the network")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refused)
