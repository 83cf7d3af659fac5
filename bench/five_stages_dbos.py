"""The peer: the same workflow in DBOS, in a process of its own that is also the one that starts the runs.

    python -m bench.five_stages_dbos DATABASE_URL --executor one      reads turns as JSON lines, answers each with one
    python -m bench.five_stages_dbos DATABASE_URL --executor two --stand-by-for one     recovers at the first line

The workflow is a coroutine, and the reviews are steps that are started in a fixed order and gathered, which its
documentation allows and which was the fastest of three forms here: child workflows for the reviews ran at less than
half the rate, and coroutines a little ahead of plain functions. No tracing, no Conductor, logs at errors only.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.five_stages_load import Turn, carried_out
from bench.five_stages_work import Work

POOL = 20
"""Connections of a process."""


def configured(database_url: str, executor: str) -> DBOSConfig:
    return {
        "name": "five-stages",
        "system_database_url": database_url,
        "sys_db_pool_size": POOL,
        "executor_id": executor,
        "application_version": "1",
        "log_level": "ERROR",
    }


def registered(work: Work) -> Callable[[str], Coroutine[None, None, str]]:
    """The workflow. DBOS wants to know it before it is launched."""

    async def do(step: str, given: str) -> str:
        return await work.do(str(DBOS.workflow_id), step, given)

    @DBOS.step()
    async def prepare(given: str) -> str:
        return await do("prepare", given)

    @DBOS.step()
    async def analyse(given: str) -> str:
        return await do("ast", given)

    @DBOS.step()
    async def review(part: str, given: str) -> str:
        return await do(f"review/{part}", given)

    @DBOS.step()
    async def comment(given: str) -> str:
        return await do("comment", given)

    @DBOS.workflow()
    async def five_stages(head: str) -> str:
        prepared = await prepare(head)
        analysed = await analyse(prepared)
        reviews = [asyncio.create_task(review(part, analysed)) for part in ("whole", "0", "1")]
        return await comment("".join(await asyncio.gather(*reviews)))

    return five_stages


async def serve(workflow: Callable[[str], Coroutine[None, None, str]]) -> None:
    """Until its input ends."""

    async def run(name: str) -> None:
        with SetWorkflowID(name):
            handle = await DBOS.start_workflow_async(workflow, name)
        await handle.get_result()

    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        ran = await carried_out(run, msgspec.json.decode(line, type=Turn))
        sys.stdout.buffer.write(msgspec.json.encode(ran) + b"\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.five_stages_dbos", description=__doc__)
    parser.add_argument("database_url")
    parser.add_argument("--executor", default="one")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--stand-by-for", metavar="EXECUTOR", help="recover what this one had, when told")
    given = parser.parse_args()
    workflow = registered(Work(given.seconds, given.journal))
    DBOS(config=configured(given.database_url, given.executor))
    DBOS.launch()
    sys.stdout.write("launched\n")
    sys.stdout.flush()
    if given.stand_by_for and sys.stdin.buffer.readline():
        # what Conductor makes an executor do; without Conductor nothing documented calls it from outside
        DBOS._recover_pending_workflows([given.stand_by_for])
    asyncio.run(serve(workflow))
    DBOS.destroy()


if __name__ == "__main__":
    main()
