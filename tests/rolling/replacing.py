"""Services replaced under load: one by one by the next version, all at once by the one before, and a contract."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from penstock_orchestrator.fold import FOLD_VERSION
from tests.chaos.load import Load, PullRequest
from tests.chaos.plan import REPOSITORIES, Plan
from tests.chaos.verdict import Verdict, none_of
from tests.rolling.ground import CONTRACTED, NEWER, OLDER, SERVICES, Ground, Say
from tests.rolling.people import at_work, judged, settled
from tests.support.waiting import eventually

GRACE = 25.0
"""What a service is given to finish what it has in hand: the default of PENSTOCK_STOP_SECONDS."""
FOLD_VERSIONS = {OLDER: FOLD_VERSION, NEWER: FOLD_VERSION + 1}
_TURN = ("orchestrator@2", "prepare", "ast", "llm-review", "ingest", "commenter", "orchestrator")
_PATIENCE = 60.0
_STORED = """
select fold_version, (
  select count(*) from workflow.facts as f where f.stream = s.stream and f.type = 'ast.completed')
from workflow.streams as s where subject = %s
"""
_SCHEMAS = "select count(distinct substring(value from 2 for 4)) from workflow.facts where type = 'ast.completed'"


@dataclass(frozen=True, slots=True)
class End:
    """How one that was told to end did so."""

    service: str
    seconds: float
    code: int | None
    """None: it had to be killed."""

    def __str__(self) -> str:
        return f"{self.service} ended with {self.code} after {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class _Stored:
    fold_version: int
    answers: int


@dataclass(slots=True)
class Rolling:
    ground: Ground
    plan: Plan
    limit: float
    say: Say
    ends: list[End] = field(default_factory=list)

    async def run(self, rounds: int = 1) -> Sequence[Verdict]:
        """Each round goes to the next version and back; the tables of the next one come first."""
        await self._upgrade(NEWER)
        async with at_work(self.ground, self.plan) as load:
            followed = await self._opened(load)
            work = asyncio.create_task(load.run())
            for _ in range(rounds):
                await self._one_at_a_time(OLDER, NEWER)
                await self._pushed(load, followed, NEWER)
                await self._all_at_once(NEWER, OLDER)
                await self._pushed(load, followed, OLDER)
            await work
            await settled(self.ground, self.limit)
            verdicts = [*await judged(self.ground, load, whole_log=True), *self._orderly(), await self._mixed()]
            await self._contract(load, followed)
        return verdicts

    async def _one_at_a_time(self, before: str, after: str) -> None:
        for service in _TURN:
            await self._end(before, service)
            await asyncio.to_thread(self.ground.fleet(after).start, service)
        self.say(f"{before} to {after}, one at a time: {self._slowest()}")

    async def _all_at_once(self, before: str, after: str) -> None:
        await self._end(before, *SERVICES)
        await asyncio.to_thread(self.ground.fleet(after).start)
        self.say(f"{before} to {after}, all at once: {self._slowest()}")

    async def _end(self, version: str, *services: str) -> None:
        fleet, began = self.ground.fleet(version), time.monotonic()
        pids = {service: fleet.pid(service) for service in services}
        await asyncio.to_thread(fleet.stop, *services)
        codes, seconds = self.ground.exit_codes(), time.monotonic() - began
        self.ends += [End(service, seconds, codes.get(pid or 0)) for service, pid in pids.items()]

    async def _opened(self, load: Load) -> PullRequest:
        """One that is pushed to again and again, so that each version finds a state of the other."""
        here, files = f"/_forge/repositories/{REPOSITORIES[0]}/pulls", {"followed.py": "VALUE = 0\n"}
        told = await asyncio.to_thread(
            self.ground.cluster.forge.tell, "POST", here, {"title": "Followed", "files": files}
        )
        pull = PullRequest(REPOSITORIES[0], told["number"], [told["head"]["sha"]])
        load.opened.append(pull)
        return pull

    async def _pushed(self, load: Load, pull: PullRequest, version: str) -> None:
        """Returns when the state, which the other version had stored before, is stored by this one, and the analysis of
        the new head was answered by it."""
        before = (await asyncio.to_thread(self._stored, pull)).answers
        here = f"/_forge/repositories/{pull.repository}/pulls/{pull.number}/push"
        files = {"followed.py": f"VALUE = {len(pull.heads)}\n"}
        told = await asyncio.to_thread(self.ground.cluster.forge.tell, "POST", here, {"files": files})
        pull.heads.append(told["head"]["sha"])

        async def folded() -> bool:
            stored = await asyncio.to_thread(self._stored, pull)
            return stored.fold_version == FOLD_VERSIONS[version] and stored.answers > before

        await eventually(folded, within=_PATIENCE, what=f"a state and an analysis of {pull.name} by {version}")

    def _stored(self, pull: PullRequest) -> _Stored:
        with psycopg.connect(self.ground.cluster.database_url) as connection:
            row = connection.execute(_STORED, [f"github:{pull.name}"]).fetchone()
        return _Stored(*row) if row else _Stored(0, 0)

    def _orderly(self) -> list[Verdict]:
        bad = (end for end in self.ends if end.code != 0 or end.seconds > GRACE)
        return [none_of(f"every end is in order and within {GRACE:.0f} s", bad, f"{len(self.ends)} ends")]

    async def _mixed(self) -> Verdict:
        def count() -> int:
            with psycopg.connect(self.ground.cluster.database_url) as connection:
                row = connection.execute(_SCHEMAS).fetchone()
            return int(row[0]) if row else 0

        schemas = await asyncio.to_thread(count)
        return Verdict("both versions answered, and each was understood", schemas > 1, f"{schemas} schemas of one fact")

    async def _contract(self, load: Load, followed: PullRequest) -> None:
        """One release later: the version before is refused from then on, and the next one goes on."""
        await self._all_at_once(OLDER, NEWER)
        await self._upgrade(CONTRACTED)
        checked = await asyncio.to_thread(self.ground.penstock, "db", "check")
        assert checked.returncode == 1, checked.stdout
        assert "needs a program of 9001 at least" in checked.stderr
        refused = await asyncio.to_thread(self.ground.penstock, "run", "ast")
        assert refused.returncode == 1, refused.stdout
        await self._pushed_and_reviewed(followed)

    async def _pushed_and_reviewed(self, pull: PullRequest) -> None:
        here = f"/_forge/repositories/{pull.repository}/pulls/{pull.number}/push"
        files = {"followed.py": "VALUE = -1\n"}
        await asyncio.to_thread(self.ground.cluster.forge.tell, "POST", here, {"files": files})
        await settled(self.ground, self.limit)

    async def _upgrade(self, version: str) -> None:
        upgraded = await asyncio.to_thread(self.ground.penstock, "db", "upgrade", version=version)
        assert upgraded.returncode == 0, upgraded.stderr
        self.say(f"db upgrade of {version}: {upgraded.stdout.strip()}")
        checked = await asyncio.to_thread(self.ground.penstock, "db", "check", version=NEWER)
        assert checked.returncode == 0, checked.stderr

    def _slowest(self) -> str:
        return str(max(self.ends, key=lambda end: end.seconds, default="nothing ended"))
