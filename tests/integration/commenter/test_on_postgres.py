"""The ledger on a real PostgreSQL: killed at each point, delivered again, exactly one of each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from penstock_commenter.doubts import Doubts
from penstock_commenter.handler import Commenter
from penstock_commenter.tenure import Timing
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsRequested
from penstock_contracts.ids import subject_of
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_runtime.clock import SystemClock
from penstock_runtime.steps import NO_STEPS, CrashAt, Crashed, Steps
from penstock_store.postgres.store import PostgresStore
from penstock_store.rows import EffectState
from tests.support.waiting import eventually
from tests.unit.penstock_commenter.stage import Stagehand, answer_of, finding, set_stage
from tests.unit.penstock_commenter.test_nothing_twice import POINTS
from tests.unit.penstock_commenter.test_sweeper import a_sweeper, land_late

pytestmark = pytest.mark.postgres
QUICK = Timing(call=0.2, settle=0.1)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stagehand]:
    async with set_stage(tmp_path) as hand:
        yield hand


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(postgres_database)
    yield opened
    await opened.close()


def process(stage: Stagehand, store: PostgresStore, holder: str, steps: Steps = NO_STEPS) -> Commenter:
    """With a clock that runs, as the database's does."""
    clock = SystemClock()
    spoken = stage.process(holder, steps, call=5.0)
    return replace(spoken, store=store, clock=clock, doubts=Doubts(clock), timing=QUICK)


async def asked(stage: Stagehand, store: PostgresStore, run: str = "run-1") -> Event[CommentsRequested]:
    event = await stage.review(finding(5), finding(30), run=run)
    for data in stage.store.tables.blobs.values():
        await store.blobs.put(data)
    return event


def known(stage: Stagehand, url: str) -> None:
    """To the store, as once its webhook was applied."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into workflow.streams (stream, subject) values (%s, %s)", (stage.stream, subject_of(stage.ref))
        )


async def test_what_somebody_said_late_is_taken_back_after_the_next_start(
    stage: Stagehand, store: PostgresStore, postgres_database: str
) -> None:
    """Whoever stood still woke up and was killed, and so was whoever had spoken in its place."""
    await process(stage, store, "commenter@a:1").requested(await asked(stage, store))
    known(stage, postgres_database)
    (summary,) = stage.comments()
    land_late(stage)
    assert len(stage.comments()) == 2

    started = process(stage, store, "commenter@b:1")
    sweeper = replace(a_sweeper(stage, started), store=store, clock=started.clock, timing=QUICK)

    async def swept() -> bool:
        await sweeper.step()
        return [each.id for each in stage.comments()] == [summary.id]

    condition: Callable[[], bool | Awaitable[bool]] = swept
    await eventually(condition, what="one summary")
    assert len(stage.inline()) == 2


async def test_a_repository_that_was_forgotten_is_not_told_everything_again(
    stage: Stagehand, store: PostgresStore, postgres_database: str
) -> None:
    await process(stage, store, "commenter@a:1").requested(await asked(stage, store))
    known(stage, postgres_database)
    assert store.retention is not None
    await store.retention.forget([stage.stream])
    assert await store.effects.of_stream(stage.stream) == []
    await stage.push({"more.py": "x = 1\n"})

    answer = answer_of(await process(stage, store, "commenter@b:1").requested(await asked(stage, store, "run-2")))

    assert (answer.comments, answer.silenced) == (0, 2)
    assert (len(stage.reviews()), len(stage.comments()), len(stage.inline())) == (1, 1, 2)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_and_delivered_again_it_says_everything_once(
    stage: Stagehand, store: PostgresStore, point: str
) -> None:
    event = await asked(stage, store)
    with pytest.raises(Crashed):
        await process(stage, store, "commenter@a:1", CrashAt(point)).requested(event)

    outcomes: list[Outcome] = []

    async def answered() -> bool:
        outcomes.append(await process(stage, store, "commenter@b:1").requested(event))
        return isinstance(outcomes[-1], Emit)

    condition: Callable[[], bool | Awaitable[bool]] = answered
    await eventually(condition, what="an answer")
    answer = answer_of(outcomes[-1])

    assert answer.comments == 2
    assert (len(stage.reviews()), len(stage.comments()), len(stage.inline())) == (1, 1, 2)
    rows = await store.effects.of_stream(stage.stream)
    assert {row.state for row in rows} == {EffectState.SENT}
    assert len(rows) == 5
