"""The load of a roll: people open pull requests, and everything that they began comes to its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.chaos import at_the_forge, in_the_store, on_the_log
from tests.chaos.load import Load
from tests.chaos.plan import Plan
from tests.chaos.verdict import Verdict
from tests.rolling.ground import Ground

_LOOK = 0.5


def plan_of(pull_requests: int, seconds: float, seed: int = 7) -> Plan:
    """Pull requests opened evenly over this time; nothing is broken by chance."""
    return Plan(pull_requests, 0, seed, striking=seconds / 0.95, limit=0.0)


@asynccontextmanager
async def at_work(ground: Ground, plan: Plan) -> AsyncIterator[Load]:
    """Webhooks that were not answered are delivered again, as platforms do."""
    load = Load(plan, ground.cluster.forge.url)
    redelivering = asyncio.create_task(load.redeliver())
    try:
        yield load
    finally:
        redelivering.cancel()
        await asyncio.gather(redelivering, return_exceptions=True)
        await load.close()


async def settled(ground: Ground, within: float) -> None:
    """Until no run is open, nothing is unsent or undelivered, and no group is behind."""
    deadline = time.monotonic() + within
    while left := await _left(ground):
        assert time.monotonic() < deadline, f"after {within:.0f} s there is left: {left}"
        await asyncio.sleep(_LOOK)


async def _left(ground: Ground) -> dict[str, int]:
    cluster = ground.cluster
    left = dict(await asyncio.to_thread(in_the_store.unfinished, cluster.database_url))
    if not left and (webhooks := await at_the_forge.undelivered(cluster.forge.url)):
        left["webhooks"] = webhooks
    if not left:
        unread = await asyncio.to_thread(on_the_log.unread, cluster.address)
        left = {f"records unread by {where}": count for where, count in unread.items()}
    return left


async def judged(ground: Ground, load: Load, *, whole_log: bool) -> Sequence[Verdict]:
    """By those who judge a campaign. What a lost log or a lost database has said is nobody's to count."""
    cluster = ground.cluster
    forge = await at_the_forge.look(cluster.forge.url, cluster.credentials.forge_token, load.opened)
    store = await in_the_store.look(cluster.database_url)
    verdicts = [*at_the_forge.judge(forge), *in_the_store.judge(store, forge, restored=not whole_log)]
    if whole_log:
        log = await asyncio.to_thread(on_the_log.look, cluster.address)
        verdicts += on_the_log.judge(log, store, twice=False)
    return verdicts
