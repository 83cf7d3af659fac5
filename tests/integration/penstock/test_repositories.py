"""All that is stored about a repository, written out and removed."""

import io
import json
from collections.abc import AsyncIterator

import pytest

from penstock.operating.errors import RepositoryUnknown
from penstock.operating.repositories import exported, forgotten
from penstock_contracts.ids import run_id
from penstock_store.ports import Store
from penstock_store.postgres import PostgresStore
from penstock_store.rows import EffectKind, EffectRow, EffectState
from tests.support.toy_fold import ToyFold, received, resolved

STREAM = "toy:host:1:7"


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[Store]:
    opened = await PostgresStore.open(postgres_database)
    run = run_id(STREAM, "e1")
    await opened.streams.apply("orchestrator", [received("e1")], ToyFold())
    await opened.streams.apply("orchestrator", [resolved("a1", run)], ToyFold())
    await opened.effects.plan([EffectRow("x", STREAM, run, EffectKind.SUMMARY, 1, 1, EffectState.PLANNED, "d")])
    yield opened
    await opened.close()


async def test_an_export_has_a_line_for_everything(store: Store) -> None:
    out = io.StringIO()

    assert await exported(store, "owner/repo", out) == 0

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["row"] for line in lines] == ["pull request", "fact", "fact", "fact", "job", "attempt", "effect"]
    assert lines[0] == {"row": "pull request", "stream": STREAM, "subject": "toy:owner/repo#7"}
    assert [(line["sequence"], line["type"]) for line in lines[1:4]] == [
        (1, "pr.received"),
        (2, "prepare.requested"),
        (3, "config.resolved"),
    ]
    assert lines[1]["data"]["repository"] == "owner/repo"


async def test_nothing_is_forgotten_before_somebody_says_yes(store: Store) -> None:
    out = io.StringIO()

    assert await forgotten(store, "owner/repo", out, confirmed=False) == 1

    assert "1 pull requests of owner/repo would be forgotten" in out.getvalue()
    assert "toy:owner/repo#7" in out.getvalue()
    assert await store.streams.names() == [STREAM]


async def test_forgotten_it_is_not_there_and_the_command_says_what_went_and_what_is_elsewhere(store: Store) -> None:
    out = io.StringIO()
    lease = await store.leases.acquire("relay", "tests")
    assert lease is not None
    await store.outbox.mark_sent([row.id for row in await store.outbox.unsent(range(8), 100)], lease)

    assert await forgotten(store, "owner/repo", out, confirmed=True) == 0

    assert out.getvalue().startswith("forgotten: 1 pull requests of owner/repo, ")
    assert "Kafka" in out.getvalue()
    assert await store.streams.names() == []
    with pytest.raises(RepositoryUnknown, match="owner/name"):
        await exported(store, "owner/repo", out)
