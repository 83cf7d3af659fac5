"""A pull request gets one review: the same story in memory, on PostgreSQL, and on Kafka with a process per service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from penstock.demo import example
from penstock_platforms.forge.model import Pull, Repository, ReviewComment, Status
from tests.e2e.systems import System, in_memory, on_kafka, on_postgres
from tests.support.kafka import KafkaForTest
from tests.support.waiting import eventually

SETUPS = (
    pytest.param("memory", id="memory-memory"),
    pytest.param("postgres", id="postgres-postgres", marks=pytest.mark.postgres),
    pytest.param("kafka", id="postgres-kafka-processes", marks=(pytest.mark.postgres, pytest.mark.kafka)),
)


@pytest.fixture(params=SETUPS)
async def system(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[System]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield await stack.enter_async_context(in_memory(tmp_path))
            return
        url: str = request.getfixturevalue("postgres_database")
        if request.param == "postgres":
            yield await stack.enter_async_context(on_postgres(tmp_path, url))
            return
        kafka: KafkaForTest = request.getfixturevalue("kafka")
        yield await stack.enter_async_context(on_kafka(tmp_path, url, kafka.bootstrap, kafka.prefix))


async def test_a_pull_request_gets_one_review(system: System) -> None:
    world = system.forge.world
    repository = await world.create_repository(example.NAME, example.BEFORE)
    pull = await world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)
    await _reviewed(system, runs=1)
    assert _remarks(system, repository, pull) == [
        ("shop/orders.py", 4, "python-mutable-default-argument"),
        ("shop/receipts.py", 8, "python-subprocess-shell-true"),
        ("shop/receipts.py", 10, "python-bare-except-pass"),
    ]
    assert _written(system) == {"review.submitted": 1, "comment.created": 1}
    assert _status(system, repository, pull.head) == ["pending", "success"]

    for delivery in system.forge.hooks.deliveries():
        system.forge.hooks.redeliver(delivery)
    more = example.AFTER["shop/orders.py"] + "\n\ndef count(lines, start={}):\n    return len(lines) + len(start)\n"
    pull = await world.push(repository, pull, {"shop/orders.py": more})
    await _reviewed(system, runs=2)
    assert _remarks(system, repository, pull)[1] == ("shop/orders.py", 14, "python-mutable-default-argument")
    assert len(_remarks(system, repository, pull)) == 4
    assert _written(system) == {"review.submitted": 2, "comment.created": 1}
    assert _status(system, repository, pull.head)[-1] == "success"
    assert {job["outcome"] for job in await system.jobs()} == {"reviewed"}


async def test_a_head_that_was_reviewed_is_not_reviewed_again_unless_somebody_asks(system: System) -> None:
    world = system.forge.world
    repository = await world.create_repository(example.NAME, example.BEFORE)
    pull = await world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)
    await _reviewed(system, runs=1)
    world.close(repository, pull)
    await system.forge.hooks.idle()  # in the other order it is read once more
    world.reopen(repository, world.pull(repository, pull.number))
    jobs = await _reviewed(system, runs=2)
    assert {job["reason"] for job in jobs} == {"", "same head"}
    assert _written(system) == {"review.submitted": 1, "comment.created": 1}
    world.comment(repository, pull, author="acme", body="/penstock review")
    jobs = await _reviewed(system, runs=3)
    assert sorted(job["outcome"] for job in jobs) == ["reviewed", "reviewed", "skipped"]


async def test_a_pull_request_that_is_closed_while_it_is_reviewed_says_nothing_more(system: System) -> None:
    world = system.forge.world
    repository = await world.create_repository(example.NAME, example.BEFORE)
    pull = await world.open_pull_request(repository, title=example.TITLE, files=example.AFTER)
    world.close(repository, pull)
    jobs = await _reviewed(system, runs=1)
    assert jobs[0]["outcome"] in ("superseded", "skipped", "reviewed")
    assert _written(system).get("review.submitted", 0) == (1 if jobs[0]["outcome"] == "reviewed" else 0)
    assert "pending" not in _status(system, repository, pull.head)[-1:]


async def _reviewed(system: System, runs: int) -> list[dict[str, str]]:
    async def over() -> list[dict[str, str]]:
        await system.forge.hooks.idle()
        jobs = await system.jobs()
        return jobs if len(jobs) == runs and all(job["finished_at"] for job in jobs) else []

    return await eventually(over, within=60, what=f"{runs} runs to be over")


def _remarks(system: System, repository: Repository, pull: Pull) -> list[tuple[str, int, str]]:
    found = system.forge.world.state.owned(ReviewComment, (repository.id, pull.number))
    return sorted((one.path, one.line, _rule(one.body)) for one in found)


def _rule(body: str) -> str:
    return next(word for word in body.replace(">", " ").split() if word.startswith("python-"))


def _status(system: System, repository: Repository, head: str) -> list[str]:
    return [one.state for one in system.forge.world.state.owned(Status, (repository.id, head))]


def _written(system: System) -> dict[str, int]:
    kinds = [entry.kind for entry in system.forge.ledger.entries() if entry.landed]
    return {kind: kinds.count(kind) for kind in ("review.submitted", "comment.created") if kind in kinds}
