"""Runs that the console of one version is asked to pause, and that of the other to let go on."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from tests.chaos.load import Load, PullRequest
from tests.chaos.verdict import Verdict, none_of
from tests.chaos.wishes import Wishes
from tests.rolling.ground import Ground
from tests.rolling.judging import reviews_of
from tests.rolling.people import opened
from tests.support.waiting import eventually

PAUSED, RESUMED = "workflow.paused", "workflow.resumed"
_PATIENCE = 60.0
_COUNTS = "select type, count(*) from workflow.facts where run_id = %s and type = any(%s) group by type"


@dataclass(frozen=True, slots=True)
class Held:
    pull: PullRequest
    run: str


@dataclass(slots=True)
class Holding:
    """Each wish is told to both versions, under one key."""

    ground: Ground
    wishes: Wishes
    held: list[Held] = field(default_factory=list)

    async def pause(self, load: Load) -> Held:
        """Returns when the orchestrator has obeyed."""
        name = f"held/{len(self.held)}.py"
        pull = await opened(self.ground, "Held", {name: "def remember(item, seen=[]):\n    seen.append(item)\n"})
        load.opened.append(pull)
        run = await self.wishes.open_run(pull.stream)
        assert run is not None, f"no open run of {pull.name}"
        self.held.append(Held(pull, run))
        await self._ask(self.held[-1], "pause", PAUSED)
        return self.held[-1]

    async def resume(self, held: Held) -> None:
        """By the other version, which is asked for the pause once more before. Returns when the run is reviewed."""
        await self._ask(held, "pause", PAUSED)
        await self._ask(held, "resume", RESUMED)
        await eventually(lambda: self._reviewed(held), _PATIENCE, f"a review of {held.pull.name}")

    async def ask_again(self) -> None:
        """For everything, of whichever version answers now: what is over refuses it."""
        for held in self.held:
            for action in ("pause", "resume"):
                await self.wishes.ask(held.run, action, _key(held, action))

    async def verdict(self) -> Verdict:
        wrong = [f"{held.pull.name}: {dict(told)}" for held in self.held if (told := await self._told(held)) != _ONCE]
        return none_of("each pause and each resumption happened once", wrong, f"{len(self.held)} runs")

    async def _ask(self, held: Held, action: str, fact: str) -> None:
        assert await self.wishes.ask(held.run, action, _key(held, action)), f"{action} of {held.pull.name} was refused"

        async def obeyed() -> bool:
            return (await self._told(held))[fact] > 0

        await eventually(obeyed, _PATIENCE, f"{fact} of {held.pull.name}")

    async def _told(self, held: Held) -> Counter[str]:
        def count() -> Counter[str]:
            with psycopg.connect(self.ground.cluster.database_url) as connection:
                return Counter(dict(connection.execute(_COUNTS, [held.run, [PAUSED, RESUMED]]).fetchall()))

        return await asyncio.to_thread(count)

    async def _reviewed(self, held: Held) -> bool:
        head = held.pull.heads[-1]
        return (await reviews_of(self.ground, head))[head] > 0


_ONCE = Counter({PAUSED: 1, RESUMED: 1})


def _key(held: Held, action: str) -> str:
    return f"{held.pull.name} {action}"
