"""People and what they did: pull requests are opened and pushed to, and everything that they began comes to its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from penstock_contracts.facts import PullRequestRef
from penstock_contracts.ids import stream_of
from tests.chaos import at_the_forge, in_the_store, on_the_log
from tests.chaos.load import Load, PullRequest
from tests.chaos.plan import ON_THE_PLATFORM, REPOSITORIES, Plan
from tests.chaos.wishes import Wishes
from tests.rolling.ground import Ground

_LOOK = 0.5


def plan_of(pull_requests: int, seconds: float, seed: int = 7) -> Plan:
    """Pull requests opened evenly over this time; nothing is broken by chance."""
    return Plan(pull_requests, 0, seed, striking=seconds / 0.95, limit=0.0, deeds=ON_THE_PLATFORM)


@asynccontextmanager
async def at_work(ground: Ground, plan: Plan, wishes: Wishes | None = None) -> AsyncIterator[Load]:
    """Webhooks that were not answered are delivered again, as platforms do. `wishes` are asked of the console."""
    load = Load(plan, ground.cluster.forge.url, ground.instance, wishes)
    async with ground.front.open():
        await ground.front.lead_to(ground.cluster.fleet.ingest_url)
        redelivering = asyncio.create_task(load.redeliver())
        try:
            yield load
        finally:
            redelivering.cancel()
            await asyncio.gather(redelivering, return_exceptions=True)
            await load.close()


async def opened(ground: Ground, title: str, files: Mapping[str, str]) -> PullRequest:
    """One more pull request, of which the load knows nothing."""
    repository = REPOSITORIES[0]
    here, told = f"/_forge/repositories/{repository}/pulls", {"title": title, "files": files}
    made = await asyncio.to_thread(ground.cluster.forge.tell, "POST", here, told)
    known, number = str(made["base"]["repo"]["id"]), made["number"]
    ref = PullRequestRef("github", ground.instance, known, repository, number)
    return PullRequest(repository, number, [made["head"]["sha"]], stream=stream_of(ref))


async def pushed(ground: Ground, pull: PullRequest, files: Mapping[str, str]) -> None:
    here = f"/_forge/repositories/{pull.repository}/pulls/{pull.number}/push"
    told = await asyncio.to_thread(ground.cluster.forge.tell, "POST", here, {"files": files})
    pull.heads.append(told["head"]["sha"])


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
