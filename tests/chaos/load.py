"""People at work: pull requests are opened, pushed to and closed over the first part of a campaign."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.chaos.plan import REPOSITORIES, Plan

_PUSHED, _FORCED, _CLOSED = 0.2, 0.05, 0.05
_REDELIVERY = 2.0


@dataclass(slots=True)
class PullRequest:
    """What was done, for the judges: the last head is the one that is to be reviewed, unless it was closed."""

    repository: str
    number: int
    heads: list[str] = field(default_factory=list)
    closed: bool = False
    index: int = -1
    """Its files lie in a folder of this name."""

    @property
    def name(self) -> str:
        return f"{self.repository}#{self.number}"


class Load:
    def __init__(self, plan: Plan, forge_url: str) -> None:
        self._plan = plan
        self._client = httpx.AsyncClient(base_url=forge_url, timeout=30, trust_env=False)
        self.opened: list[PullRequest] = []
        self.redelivered = 0

    async def close(self) -> None:
        await self._client.aclose()

    async def run(self) -> None:
        """Returns when all of it was done."""
        async with asyncio.TaskGroup() as group:
            for index in range(self._plan.pull_requests):
                group.create_task(self._pull_request(index))

    async def redeliver(self) -> None:
        """What an operator, or a platform's own schedule, does about deliveries that were not answered."""
        while True:
            await asyncio.sleep(_REDELIVERY)
            self.redelivered += (await self._tell("/_forge/deliveries/attempts"))["redelivered"]

    async def repeat_deliveries(self) -> None:
        """Every webhook once more, under its own id."""
        for delivery in (await self._client.get("/_forge/deliveries")).json():
            await self._tell(f"/_forge/deliveries/{delivery['id']}/attempts")

    async def _pull_request(self, index: int) -> None:
        rng = self._plan.random(f"pull request {index}")
        await asyncio.sleep(self._plan.opening * index / self._plan.pull_requests)
        repository = REPOSITORIES[index % len(REPOSITORIES)]
        here = f"/_forge/repositories/{repository}/pulls"
        told = await self._tell(here, title=f"Change {index}", files=files(rng, f"{index}/first"))
        pull = PullRequest(repository, told["number"], [told["head"]["sha"]], index=index)
        self.opened.append(pull)
        drawn = rng.random()
        if drawn > _PUSHED + _FORCED + _CLOSED:
            return
        await asyncio.sleep(rng.uniform(0.05, min(15.0, self._plan.opening / 4)))
        if drawn < _CLOSED:
            await self._tell(f"{here}/{pull.number}/close")
            pull.closed = True
        else:
            action = "push" if drawn < _CLOSED + _PUSHED else "force-push"
            told = await self._tell(f"{here}/{pull.number}/{action}", files=files(rng, f"{index}/second"))
            pull.heads.append(told["head"]["sha"])

    async def _tell(self, path: str, **told: object) -> Any:
        answer = await self._client.post(path, json=told)
        answer.raise_for_status()
        return answer.json()


def files(rng: Random, folder: str) -> dict[str, str]:
    """A change of one to a dozen files, each with something to find on its lines."""
    count = rng.choice((1, 1, 2, 2, 3, 5, 12))
    return {f"{folder}/module_{index}.py": _module(rng, index) for index in range(count)}


def _module(rng: Random, index: int) -> str:
    sins = (
        f"def remember_{index}(item, seen=[]):\n    seen.append(item)\n    return seen\n",
        f"def run_{index}(command):\n    import subprocess\n    return subprocess.run(command, shell=True)\n",
        f"def careless_{index}(work):\n    try:\n        work()\n    except:\n        pass\n",
    )
    plain = "\n".join(f"VALUE_{number} = {rng.randrange(1000)}" for number in range(rng.randrange(3, 60)))
    return "\n\n".join((plain, *rng.sample(sins, rng.randint(1, 3))))
