"""The stage on which things go wrong."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.kafka import KafkaForTest
from tests.support.processes import Processes
from tests.trouble.stage import Stage, stage


@pytest.fixture
async def place(
    tmp_path: Path, processes: Processes, postgres_database: str, kafka: KafkaForTest
) -> AsyncIterator[Stage]:
    async with stage(tmp_path, processes, postgres_database, kafka.bootstrap, kafka.prefix) as ready:
        yield ready
