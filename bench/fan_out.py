"""How near the review of many batches comes to what its slots allow.

    python -m bench.fan_out [--short]

One run of 40 batches of 2 s, at 8 slots: 10 s would be ideal. On one worker they are in one process on the PostgreSQL
log; on four they are 2 in each of four processes, on Kafka. Counted is from the first batch that is asked for to the
end of the last one, as the history of executions has it. The orchestrator lets 16 batches out at once. Bounds:
within 15 % of ideal on one worker, within 30 % on four.
"""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

import psycopg

from bench.alternate import ROUNDS
from bench.fan_out_workers import BATCHES, SECONDS
from bench.figures import Figure, Side, alone
from bench.five_stages_ours import client, opened, run_of
from bench.setup import Ground, await_answer, end, ground, kafka
from penstock.local.ports import free_port
from penstock_eventlog.kafka import KafkaAddress, KafkaLog

SLOTS = 8
WORKERS = 4
IDEAL = BATCHES * SECONDS / SLOTS
ONE, FOUR = 1.15, 1.30
LOOK = 0.05
_TOOK = """
select extract(epoch from max(started_at + make_interval(secs => duration)) - min(asked_at))::float,
  count(*) filter (where state = 'answered')
from workflow.job_execution_history where run_id = %s and stage = 'files_review'
"""


async def reviewed(url: str, name: str) -> float:
    """Seconds, as a share of the ideal."""
    async with client(url, LOOK) as asking:
        await asking.run(name)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await (await connection.execute(_TOOK, (run_of(opened(name)),))).fetchone()
    assert found is not None
    seconds, answered = found
    if answered != BATCHES:
        raise RuntimeError(f"{answered} batches of {BATCHES} were answered")
    return float(seconds) / IDEAL


@contextmanager
def workers(on: Ground, slots: int, *arguments: str, kafka_at: str = "") -> Iterator[None]:
    port = free_port()
    environment: Mapping[str, str] = {
        "PENSTOCK_DATABASE_URL": on.database_url,
        "PENSTOCK_DATA_DIR": str(on.folder / "data"),
        "PENSTOCK_OPS_PORT": str(port),
        "PENSTOCK_LOG_LEVEL": "warning",
        **({"PENSTOCK_KAFKA_BOOTSTRAP": kafka_at} if kafka_at else {}),
    }
    program = ("-m", "bench.fan_out_workers", *arguments, "--slots", str(slots))
    process = on.start(f"workers-{port}", *program, environment=environment)
    try:
        await_answer(port, "/livez" if kafka_at else "/readyz")
        yield
    finally:
        end(process)


def on_one(rounds: int) -> list[float]:
    with ground() as on, workers(on, SLOTS, "together"):
        return [asyncio.run(reviewed(on.database_url, f"one-{turn}")) for turn in range(rounds)]


def on_four(rounds: int) -> list[float]:
    """A first run waits until all have joined their groups, and does not count."""
    with ground() as on, kafka(on) as address, ExitStack() as stack:
        asyncio.run(_prepare(address))
        others = ("orchestrator", "prepare", "ast", "commenter")
        stack.enter_context(workers(on, SLOTS, "apart", *others, kafka_at=address.bootstrap))
        for _ in range(WORKERS):
            stack.enter_context(workers(on, SLOTS // WORKERS, "apart", "llm-review", kafka_at=address.bootstrap))
        return [asyncio.run(reviewed(on.database_url, f"four-{turn}")) for turn in range(rounds + 1)][1:]


async def _prepare(address: KafkaAddress) -> None:
    log = KafkaLog(address)
    await log.prepare()
    await log.close()


def main(short: bool) -> Sequence[Figure]:
    rounds = 1 if short else ROUNDS
    return [
        _figure("one worker, PostgreSQL log", on_one(rounds), ONE),
        _figure(f"{WORKERS} workers, Kafka", on_four(rounds), FOUR),
    ]


def _figure(where: str, shares: Sequence[float], bound: float) -> Figure:
    beside = f"{median(shares) * IDEAL:.1f} s, ideal {IDEAL:.0f} s"
    name = f"fan-out of {BATCHES} batches at {SLOTS} slots against ideal, {where}"
    return Figure(name, tuple(shares), Side.BELOW, bound, beside=beside)


if __name__ == "__main__":
    sys.exit(alone(main))
