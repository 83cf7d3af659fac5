"""Services replaced under load: one by one by the next version, all at once by the one before, and a contract."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg

from penstock_orchestrator.fold import FOLD_VERSION
from tests.chaos.load import Load, PullRequest
from tests.chaos.plan import DEEDS, Plan
from tests.chaos.verdict import Verdict
from tests.chaos.wishes import Wishes
from tests.rolling import judging
from tests.rolling.contracting import contracted, upgraded
from tests.rolling.fleets import Replacing
from tests.rolling.ground import NEWER, OLDER, Ground, Say
from tests.rolling.holding import Holding
from tests.rolling.looking import Looking
from tests.rolling.people import at_work, opened, pushed, settled
from tests.rolling.talking import Talking
from tests.support.waiting import eventually

FOLD_VERSIONS = {OLDER: FOLD_VERSION, NEWER: FOLD_VERSION + 1}
_PATIENCE = 60.0
_STORED = "select fold_version from workflow.streams where stream = %s"


@dataclass(slots=True)
class Rolling:
    ground: Ground
    plan: Plan
    limit: float
    say: Say

    async def run(self, rounds: int = 1) -> Sequence[Verdict]:
        """Each round goes to the next version and back; the tables of the next one come first. People do all that they
        do in a campaign."""
        told = self.ground.cluster.credentials.api_token
        wishes = Wishes.at(self.ground.cluster.fleet.console_url, told, self.plan.opening + self.limit * 10)
        plan = replace(self.plan, deeds=frozenset(DEEDS))
        async with at_work(self.ground, plan, wishes) as load:
            followed = await opened(self.ground, "Followed", {"followed.py": "VALUE = 0\n"})
            load.opened.append(followed)
            looking = Looking(wishes.client)
            replacing = Replacing(self.ground, looking, Talking(self.ground, followed), self.say)
            holding = Holding(self.ground, wishes)
            async with looking.at_it():
                work = asyncio.create_task(load.run())
                await upgraded(self.ground, NEWER, self.say)
                for _ in range(rounds):
                    await self._round(load, followed, replacing, holding)
                await work
                await holding.ask_again()
                await settled(self.ground, self.limit)
                found = [
                    *await judging.after_a_roll(self.ground, load, wishes.taken),
                    await holding.verdict(),
                    await replacing.talking.verdict(),
                ]
                await replacing.all_at_once(OLDER, NEWER)
                found += await contracted(self.ground, load, followed, self.limit, self.say)
            return [*found, replacing.verdict(), *looking.verdicts()]

    async def _round(self, load: Load, followed: PullRequest, replacing: Replacing, holding: Holding) -> None:
        """Each time something is under way and something is paused."""
        held = await holding.pause(load)
        await self._push(followed)
        await replacing.one_at_a_time(OLDER, NEWER)
        await holding.resume(held)
        await self._pushed(followed, NEWER)
        held = await holding.pause(load)
        await self._push(followed)
        await replacing.all_at_once(NEWER, OLDER)
        await holding.resume(held)
        await self._pushed(followed, OLDER)

    async def _push(self, pull: PullRequest) -> None:
        await pushed(self.ground, pull, {"followed.py": f"VALUE = {len(pull.heads)}\n"})

    async def _pushed(self, pull: PullRequest, version: str) -> None:
        """Returns when the state, which the other version had stored before, is stored by this one, and the new head is
        reviewed by it."""
        await self._push(pull)
        head = pull.heads[-1]

        async def done() -> bool:
            stored = await asyncio.to_thread(self._stored, pull)
            return stored == FOLD_VERSIONS[version] and (await judging.reviews_of(self.ground, head))[head] > 0

        await eventually(done, within=_PATIENCE, what=f"a state and a review of {pull.name} by {version}")

    def _stored(self, pull: PullRequest) -> int:
        with psycopg.connect(self.ground.cluster.database_url) as connection:
            row = connection.execute(_STORED, [pull.stream]).fetchone()
        return int(row[0]) if row else 0
