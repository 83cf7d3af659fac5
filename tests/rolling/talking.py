"""Webhooks that come while ingest is replaced: somebody who may command nothing commands it all the same, often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.load import PullRequest
from tests.chaos.verdict import Verdict, none_of
from tests.rolling.ground import Ground

_STRANGER = "mallory"
_PAUSE = 0.15


@dataclass(slots=True)
class Talking:
    ground: Ground
    pull: PullRequest
    _within: set[int] = field(default_factory=set)
    """Numbers of the webhooks that were sent while one ingest or another was there all the time."""

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        enough = asyncio.Event()
        talking = asyncio.create_task(self._talk(enough))
        try:
            yield
        finally:
            enough.set()
            await talking

    @asynccontextmanager
    async def going_on_and_heard(self) -> AsyncIterator[None]:
        before = len(await self._deliveries())
        async with self.going_on():
            yield
        self._within |= {each["id"] for each in (await self._deliveries())[before:]}

    async def verdict(self) -> Verdict:
        among = [each for each in await self._deliveries() if each["id"] in self._within]
        late = [f"{each['event']} {each['attempts']}" for each in among if not 200 <= each["attempts"][0] < 300]
        found = none_of("no webhook is refused where the next ingest is started first", late, f"{len(among)} webhooks")
        return found if among else Verdict(found.invariant, False, "no webhook came meanwhile")

    async def refused(self) -> str:
        """How many had to be delivered again; none would say that ingest was never away."""
        known = await self._deliveries()
        return f"{sum(len(each['attempts']) > 1 for each in known)} of {len(known)} webhooks were delivered again"

    async def _talk(self, enough: asyncio.Event) -> None:
        here = f"/_forge/repositories/{self.pull.repository}/pulls/{self.pull.number}/comment"
        told = {"author": _STRANGER, "body": "/penstock review"}
        while not enough.is_set():
            comment = await asyncio.to_thread(self.ground.cluster.forge.tell, "POST", here, told)
            self.pull.commands.append(str(comment["id"]))
            await asyncio.sleep(_PAUSE)

    async def _deliveries(self) -> list[dict[str, Any]]:
        return list(await asyncio.to_thread(self.ground.cluster.forge.tell, "GET", "/_forge/deliveries"))
