"""What the console reads, and what workers ask."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from penstock_contracts.enums import ExecutionState, Stage
from penstock_contracts.ids import run_id
from penstock_store.ports import Store
from penstock_store.rows import JobFilter, JobRow
from tests.suites.store.worlds import Later
from tests.support.toy_fold import ToyFold, received, resolved

CONSUMER = "orchestrator"
STREAMS = [f"toy:host:1:{number}" for number in range(4)]
RUNS = [run_id(stream, f"e{number}") for number, stream in enumerate(STREAMS)]


def ids(jobs: Sequence[JobRow]) -> list[str]:
    return [job.id for job in jobs]


@pytest.fixture
async def filled(store: Store, later: Later) -> Store:
    for number, stream in enumerate(STREAMS):
        subject = "toy:owner/repo#7" if number < 3 else "toy:group/sub/other#1"
        await store.streams.apply(CONSUMER, [received(f"e{number}", stream, subject=subject)], ToyFold())
        await later(0.001)
    await store.streams.apply(CONSUMER, [resolved("answer", RUNS[1], STREAMS[1])], ToyFold())
    return store


class JobSuite:
    async def test_jobs_come_newest_first_in_pages(self, filled: Store) -> None:
        everything = await filled.jobs.jobs(JobFilter())
        assert ids(everything) == RUNS[::-1]

        first = await filled.jobs.jobs(JobFilter(limit=3))
        rest = await filled.jobs.jobs(JobFilter(limit=3, after=first[-1].id))

        assert ids(first) + ids(rest) == ids(everything)
        assert await filled.jobs.jobs(JobFilter(after="nothing")) == []

    async def test_jobs_are_found_by_every_filter(self, filled: Store) -> None:
        jobs = filled.jobs
        assert ids(await jobs.jobs(JobFilter(status="COMPLETED"))) == [RUNS[1]]
        assert ids(await jobs.jobs(JobFilter(type="CODE_REVIEW", limit=1))) == [RUNS[3]]
        assert await jobs.jobs(JobFilter(type="AST_ANALYSIS")) == []
        assert ids(await jobs.jobs(JobFilter(stream=STREAMS[2]))) == [RUNS[2]]
        assert ids(await jobs.jobs(JobFilter(subject="toy:group/sub/other#1"))) == [RUNS[3]]
        assert ids(await jobs.jobs(JobFilter(repository="owner/repo", status="PROCESSING"))) == [RUNS[2], RUNS[0]]
        assert ids(await jobs.jobs(JobFilter(organisation="group"))) == [RUNS[3]]
        assert ids(await jobs.jobs(JobFilter(stage="prepare", waiting_for="config.resolved"))) == [
            RUNS[3],
            RUNS[2],
            RUNS[0],
        ]
        assert ids(await jobs.jobs(JobFilter(correlation_id=STREAMS[0]))) == [RUNS[0]]

    async def test_jobs_are_found_by_time(self, filled: Store) -> None:
        newest, *older = await filled.jobs.jobs(JobFilter())
        assert ids(await filled.jobs.jobs(JobFilter(since=newest.created_at))) == [newest.id]
        assert ids(await filled.jobs.jobs(JobFilter(until=newest.created_at))) == ids(older)

    async def test_a_job_is_one_row_that_follows_the_state(self, filled: Store) -> None:
        job = await filled.jobs.job(RUNS[1])
        assert job is not None
        assert (job.status, job.waiting_for, job.subject) == ("COMPLETED", "", "toy:owner/repo#7")
        assert await filled.jobs.job("nothing") is None
        assert await filled.jobs.children(RUNS[1]) == []
        assert await filled.jobs.subject(STREAMS[3]) == "toy:group/sub/other#1"
        assert await filled.jobs.subject("nothing") == ""

    async def test_open_jobs_are_counted_and_the_oldest_has_an_age(self, filled: Store, later: Later) -> None:
        await later(0.02)

        (open_jobs,) = await filled.jobs.open()

        assert (open_jobs.type, open_jobs.status, open_jobs.jobs) == ("CODE_REVIEW", "PROCESSING", 3)
        assert timedelta(seconds=0.02) <= open_jobs.age < timedelta(minutes=1)

    async def test_jobs_are_counted_by_type_and_status(self, filled: Store) -> None:
        assert dict(await filled.jobs.counts()) == {
            ("CODE_REVIEW", "PROCESSING"): 3,
            ("CODE_REVIEW", "COMPLETED"): 1,
        }

    async def test_rows_that_a_state_no_longer_mentions_stay_as_history(self, store: Store) -> None:
        await store.streams.apply(CONSUMER, [received("e0", STREAMS[0])], ToyFold())
        await store.streams.apply(
            CONSUMER, [received("later", STREAMS[0], command="nothing")], ToyFold(version=2, forgets_runs=True)
        )
        assert await store.jobs.job(RUNS[0]) is not None
        assert len(await store.jobs.history(RUNS[0])) == 1

    async def test_the_history_says_what_became_of_each_attempt(self, filled: Store) -> None:
        (answered,) = await filled.jobs.history(RUNS[1])
        (asked,) = await filled.jobs.history(RUNS[0])
        assert (answered.stage, answered.state) == (Stage.PREPARE, ExecutionState.ANSWERED)
        assert asked.state is ExecutionState.ASKED
        assert asked.asked_at is not None
        assert asked.asked_at - (await filled.now()) < timedelta()
        assert await filled.jobs.history("nothing") == []

    async def test_only_what_is_asked_and_open_is_still_wanted(self, filled: Store) -> None:
        wanted = filled.executions.still_wanted
        assert await wanted(RUNS[0], Stage.PREPARE, "", 1)
        assert not await wanted(RUNS[1], Stage.PREPARE, "", 1)
        assert not await wanted(RUNS[0], Stage.PREPARE, "", 2)
        assert not await wanted("nothing", Stage.AST, "3", 1)
