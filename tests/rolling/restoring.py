"""The two losses of docs/operations.md, each in the middle of work, and the commands by which it goes on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.load import Load
from tests.chaos.plan import Plan
from tests.chaos.verdict import Verdict
from tests.rolling import judging
from tests.rolling.ground import OLDER, Ground, Say
from tests.rolling.people import at_work, settled
from tests.support.waiting import eventually

_PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Losing:
    ground: Ground
    plan: Plan
    limit: float
    """Seconds until everything is to be over after the services were started again."""
    say: Say

    async def old_backup(self) -> Sequence[Verdict]:
        """The backup is taken in the middle; what came after it stays at the forge and on Kafka alone."""
        async with at_work(self.ground, self.plan) as load:
            work = asyncio.create_task(load.run())
            await self._reviewed(1)
            backup = await asyncio.to_thread(self.ground.dump)
            before = await self._reviews()
            await work
            await self._reviewed(before + 2)
            await asyncio.to_thread(self.ground.fleet(OLDER).stop)
            await asyncio.to_thread(self.ground.put_back, backup)
            lost = await self._reviews() - before
            self.say(f"{lost} reviews were said after the backup")
            return await self._go_on(load)

    async def lost_kafka(self) -> Sequence[Verdict]:
        """It goes while services are at work, which wait for it; then they are stopped, and a new one is set up."""
        async with at_work(self.ground, self.plan) as load:
            work = asyncio.create_task(load.run())
            await self._reviewed(1)
            await asyncio.to_thread(self.ground.cluster.kafka.kill)
            await work
            await asyncio.to_thread(self.ground.fleet(OLDER).stop)
            await asyncio.to_thread(self.ground.lose_kafka)
            return await self._go_on(load)

    async def _go_on(self, load: Load) -> Sequence[Verdict]:
        for words in (("--dry-run",), (), ()):
            ended = await asyncio.to_thread(self.ground.penstock, "db", "after-restore", *words)
            assert ended.returncode == 0, ended.stderr
            self.say(f"after-restore {' '.join(words)}\n{ended.stdout}")
        await asyncio.to_thread(self.ground.fleet(OLDER).start)
        await load.repeat_deliveries()
        await settled(self.ground, self.limit)
        return await judging.after_a_loss(self.ground, load)

    async def _reviewed(self, number: int) -> None:
        async def enough() -> bool:
            return await self._reviews() >= number

        await eventually(enough, within=_PATIENCE, what=f"{number} reviews at the forge")

    async def _reviews(self) -> int:
        ledger = await asyncio.to_thread(self.ground.cluster.forge.tell, "GET", "/_forge/ledger")
        return sum(entry["kind"] == "review.submitted" and entry["status"] < 300 for entry in ledger)
