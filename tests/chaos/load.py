"""People at work: pull requests are opened over the first part of a campaign, and to some of them something is done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from penstock_contracts.enums import Command
from penstock_contracts.facts import PullRequestRef
from penstock_contracts.ids import stream_of
from penstock_orchestrator.project import RESUMING
from tests.chaos.plan import PERSON, REPOSITORIES, Deed, Plan
from tests.chaos.wishes import Wishes

CREDENTIAL = "ghp_" + "c4mpa1gn" * 5
"""Somebody has left it in the code. Nobody may be told of it who does not hold the code."""
_REDELIVERY = 2.0
_COMMANDS = (Command.REVIEW, Command.FULL_REVIEW, Command.PAUSE, Command.CANCEL, Command.HELP)
_AGAIN = 0.3
"""The share of the wishes that are asked for again though they were answered."""
_TRIES = 3
"""Who wants to cancel a run drops it after so many questions that nobody answered."""


@dataclass(slots=True)
class PullRequest:
    """What was done, for the judges: the last head is the one that is to be reviewed, unless it was closed."""

    repository: str
    number: int
    heads: list[str] = field(default_factory=list)
    closed: bool = False
    index: int = -1
    """Its files lie in a folder of this name."""
    stream: str = ""
    cancelled: bool = False
    """Somebody asked for it, whatever came of it."""
    reviews_asked: int = 0
    """By commands, which may have a head reviewed once more each."""
    commands: list[str] = field(default_factory=list)
    """The ids of the comments that hold one."""

    @property
    def name(self) -> str:
        return f"{self.repository}#{self.number}"


class Load:
    """`instance` is what the platform is called in the keys of streams. Without `wishes` nobody may be drawn who asks
    the console."""

    def __init__(self, plan: Plan, forge_url: str, instance: str = "", wishes: Wishes | None = None) -> None:
        self._plan, self._instance, self._wishes = plan, instance, wishes
        # A connection that rested may be closed as the next request is sent, which cannot be sent again.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(base_url=forge_url, timeout=30, trust_env=False, limits=fresh)
        self._deeds = plan.done()
        self._do: Mapping[Deed, Callable[[PullRequest, Random], Awaitable[None]]] = {
            Deed.PUSH: self._push,
            Deed.FORCE_PUSH: self._force_push,
            Deed.CLOSE: self._close,
            Deed.MERGE: self._merge,
            Deed.REOPEN: self._reopen,
            Deed.COMMAND: self._command,
            Deed.PAUSE: self._pause,
            Deed.CANCEL: self._cancel,
        }
        self.opened: list[PullRequest] = []
        self.redelivered = 0

    @property
    def wishes(self) -> Wishes:
        assert self._wishes is not None, "nobody asks a console here"
        return self._wishes

    async def close(self) -> None:
        await self._client.aclose()
        if self._wishes is not None:
            await self._wishes.client.aclose()

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
        rng, deed = self._plan.random(f"pull request {index}"), self._deeds[index]
        await asyncio.sleep(self._plan.opening * index / self._plan.pull_requests)
        repository = REPOSITORIES[index % len(REPOSITORIES)]
        here = f"/_forge/repositories/{repository}/pulls"
        told = await self._tell(here, title=f"Change {index}", files=files(rng, f"{index}/first"))
        number, known = told["number"], str(told["base"]["repo"]["id"])
        stream = stream_of(PullRequestRef("github", self._instance, known, repository, number))
        pull = PullRequest(repository, number, [told["head"]["sha"]], index=index, stream=stream)
        self.opened.append(pull)
        if deed is not None:
            await asyncio.sleep(rng.uniform(0.05, min(15.0, self._plan.opening / 4)))
            await self._do[deed](pull, rng)

    # --- on the platform --------------------------------------------------------------------------------------------

    async def _push(self, pull: PullRequest, rng: Random, action: str = "push") -> None:
        told = await self._act(pull, action, files=files(rng, f"{pull.index}/second"))
        pull.heads.append(told["head"]["sha"])

    async def _force_push(self, pull: PullRequest, rng: Random) -> None:
        await self._push(pull, rng, "force-push")

    async def _close(self, pull: PullRequest, _: Random) -> None:
        await self._act(pull, "close")
        pull.closed = True

    async def _merge(self, pull: PullRequest, _: Random) -> None:
        await self._act(pull, "merge")
        pull.closed = True

    async def _reopen(self, pull: PullRequest, rng: Random) -> None:
        await self._act(pull, "close")
        await asyncio.sleep(rng.uniform(0.0, 4.0))
        await self._act(pull, "reopen")

    async def _command(self, pull: PullRequest, rng: Random) -> None:
        command = rng.choice(_COMMANDS)
        if command in (Command.PAUSE, Command.CANCEL):
            run = await self.wishes.open_run(pull.stream)
            if run is None:
                return
            pull.cancelled = command is Command.CANCEL
            await self._comment(pull, command)
            if command is Command.PAUSE:  # what is said before the other has arrived might overtake it
                await self.wishes.until_it_waits(pull.stream, run, RESUMING)
                if rng.random() < 0.5:  # it opens no run, and is read when the pause ends
                    await self._push(pull, rng)
                await asyncio.sleep(rng.uniform(0.5, 6.0))
                await self._comment(pull, Command.RESUME)
            return
        pull.reviews_asked += command is not Command.HELP
        await self._comment(pull, command)

    async def _comment(self, pull: PullRequest, command: Command) -> None:
        told = await self._act(pull, "comment", body=f"/penstock {command}", author=PERSON)
        pull.commands.append(str(told["id"]))

    # --- at the console ---------------------------------------------------------------------------------------------

    async def _pause(self, pull: PullRequest, rng: Random) -> None:
        run = await self.wishes.open_run(pull.stream)
        if run is not None and await self._ask(pull, run, "pause", rng):
            await asyncio.sleep(rng.uniform(0.5, 6.0))
            await self._ask(pull, run, "resume", rng)

    async def _cancel(self, pull: PullRequest, rng: Random) -> None:
        run = await self.wishes.open_run(pull.stream)
        if run is not None:
            pull.cancelled = True
            await self._ask(pull, run, "cancel", rng, _TRIES)

    async def _ask(self, pull: PullRequest, run: str, action: str, rng: Random, tries: float = float("inf")) -> bool:
        key = f"{pull.name} {action}"
        taken = await self.wishes.ask(run, action, key, tries)
        if taken and rng.random() < _AGAIN:
            await self.wishes.ask(run, action, key)
        return taken

    async def _act(self, pull: PullRequest, action: str, **told: object) -> Any:
        return await self._tell(f"/_forge/repositories/{pull.repository}/pulls/{pull.number}/{action}", **told)

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
    plain = f'TOKEN = "{CREDENTIAL}"\n{plain}' if index == 0 else plain
    return "\n\n".join((plain, *rng.sample(sins, rng.randint(1, 3))))
