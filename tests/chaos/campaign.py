"""A campaign: people work, everything breaks, everything comes to its end, and everybody who saw it judges."""

import asyncio
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from statistics import median
from typing import Any

from tests.chaos import at_the_console, at_the_forge, at_the_model, evidence, in_the_store, leaks, on_the_log
from tests.chaos.at_the_forge import Span
from tests.chaos.at_the_model import Spending
from tests.chaos.clocks import Clocks
from tests.chaos.disk import Disk
from tests.chaos.faults import Struck
from tests.chaos.freezing import Freezing
from tests.chaos.injector import Injector
from tests.chaos.killing import Killing
from tests.chaos.load import CREDENTIAL, Load
from tests.chaos.network import Network
from tests.chaos.plan import FREEZING, SERVICES, Kind, Plan
from tests.chaos.report import Report
from tests.chaos.servers import Servers
from tests.chaos.stage import LLM_KEY, MARKER_SECRET, SHORTENED, Stage, opened
from tests.chaos.supervisor import Supervisor
from tests.chaos.verdict import Verdict, none_of
from tests.chaos.wishes import Wishes

_LOOK = 1.0
_SWEEP = 75.0
"""Within a minute what came twice is removed, and the platform has to be asked."""
Say = Callable[[str], None]


def run(plan: Plan, say: Say) -> Report:
    """Starts everything, and ends it however this ends."""
    with opened(plan) as stage:
        for skipped in stage.skipped:
            say(skipped)
        return asyncio.run(_Campaign(stage, say).run())


def enough_kills(plan: Plan, made: Sequence[Struck]) -> Verdict:
    """Where kills were asked for and nobody was killed, nothing is proved."""
    kills = [each for each in made if each.kind is Kind.KILL]
    holding = sum(kill.holding for kill in kills)
    enough = holding >= plan.in_hand * len(kills) and (bool(kills) or Kind.KILL not in plan.kinds)
    return Verdict("enough kills with something in hand", enough, f"{holding} of {len(kills)}")


class _Campaign:
    def __init__(self, stage: Stage, say: Say) -> None:
        self._stage, self._plan, self._say = stage, stage.plan, say
        wishes = Wishes.at(stage.console_url, stage.cluster.credentials.api_token, self._plan.limit)
        self._load = Load(self._plan, stage.cluster.forge.url, stage.instance, wishes)
        self._supervisor = Supervisor(stage)
        servers = Servers(stage, self._plan.random("servers"), self._supervisor.back_after)
        self._injector = Injector(
            self._plan,
            (
                Killing.of(self._supervisor, self._plan),
                Freezing(self._supervisor),
                servers,
                Network(stage.ports.control),
                Clocks(self._supervisor),
                Disk(stage.cluster.postgres.data_dir, servers),
            ),
        )
        self._began = time.monotonic()

    async def run(self) -> Report:
        self._began = time.monotonic()
        keepers = [
            asyncio.create_task(work)
            for work in (self._supervisor.run(), self._load.redeliver(), self._tell_progress())
        ]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._load.run())
                group.create_task(self._injector.run())
            if self._plan.twice:
                await self._load.repeat_deliveries()
            left = await self._settle()
        finally:
            await self._injector.mend()
            await self._supervisor.close()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        seconds = time.monotonic() - self._began
        try:
            return await self._judge(left, seconds)
        finally:
            await self._load.close()

    async def _settle(self) -> dict[str, int]:
        """Waits until nothing is left to do; what is left when the time is up."""
        deadline = self._began + self._plan.limit
        while (left := await self._left()) and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK)
        swept = time.monotonic() + _SWEEP
        while at_the_forge.doubles_that_remain(await self._forge()) and time.monotonic() < swept:
            await asyncio.sleep(5 * _LOOK)
        return left

    async def _left(self) -> dict[str, int]:
        cluster = self._stage.cluster
        left = dict(await asyncio.to_thread(in_the_store.unfinished, cluster.database_url))
        if not left and (webhooks := await at_the_forge.undelivered(cluster.forge.url)):
            left["webhooks"] = webhooks
        if not left:
            unread = await asyncio.to_thread(on_the_log.unread, cluster.address)
            left = {f"records unread by {where}": count for where, count in unread.items()}
        return left

    async def _forge(self) -> at_the_forge.ForgeView:
        cluster = self._stage.cluster
        return await at_the_forge.look(cluster.forge.url, cluster.credentials.forge_token, self._load.opened)

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(20)
            made = Counter(each.kind for each in self._injector.made)
            told = ", ".join(f"{count} {kind}" for kind, count in made.most_common())
            self._say(f"{time.monotonic() - self._began:4.0f} s: {len(self._load.opened)} pull requests opened; {told}")

    async def _judge(self, left: dict[str, int], seconds: float) -> Report:
        cluster, plan = self._stage.cluster, self._plan
        strays = await asyncio.to_thread(self._stage.left_over)
        forge = await self._forge()
        store = await in_the_store.look(cluster.database_url)
        log = await asyncio.to_thread(on_the_log.look, cluster.address)
        spending = await asyncio.to_thread(at_the_model.look, self._stage.model_url, cluster.database_url)
        verdicts = [
            none_of(
                "all is done in time",
                (f"{n} {what}" for what, n in left.items()),
                f"{seconds:.0f} of {plan.limit:.0f} s",
            ),
            *at_the_forge.judge(forge, self._frozen()),
            *in_the_store.judge(store, forge),
            *on_the_log.judge(log, store, twice=plan.twice),
            *at_the_model.judge(spending, self._load.opened),
            *at_the_console.judge(store, forge, self._load.wishes.taken),
            *await asyncio.to_thread(lambda: list(self._secrets(log, forge, spending))),
            none_of("no child of a dead process lives on", strays, f"{len(SERVICES)} processes"),
            *self._enough(),
        ]
        report = Report(plan, seconds, tuple(self._injector.made), verdicts, self._counted(log.total))
        if not report.held:
            kept = evidence.keep(self._stage, forge, store, spending, report)
            self._say(f"what is needed to find the cause is in {kept}")
        return report

    def _counted(self, records: int) -> Mapping[str, object]:
        told = urllib.request.urlopen(f"{self._stage.model_url}/told", timeout=10)
        alone = [f"{count} x {words}" for words, count in self._supervisor.ended_alone.most_common()]
        return {
            "pull requests": len(self._load.opened),
            "heads": sum(len(pull.heads) for pull in self._load.opened),
            "what people did": self._told(Counter(deed for deed in self._plan.done() if deed is not None)),
            "what they asked the console for": self._told(self._load.wishes.told),
            "webhooks sent again": self._load.redelivered,
            "records on the log": records,
            "the model": json.loads(told.read()),
            "settings that are not the defaults": ", ".join(f"{name}={value}" for name, value in SHORTENED.items()),
            "not made": "; ".join(self._stage.skipped) or "nothing",
            "ended without being killed": "\n  ".join(["", *alone]) or "nothing",
            "back at work after": ", ".join(
                f"{name} {median(times):.1f} s ({max(times):.1f} s at most)"
                for name, times in sorted(self._supervisor.back_after.items())
            ),
        }

    def _told(self, counts: Counter[Any]) -> str:
        return ", ".join(f"{what} {count}" for what, count in sorted(counts.items())) or "nothing"

    def _frozen(self) -> list[Span]:
        stood = (each for each in self._injector.made if each.kind in FREEZING)
        return [Span(each.at, each.at + timedelta(seconds=each.seconds + 5)) for each in stood]

    def _enough(self) -> Iterator[Verdict]:
        """The campaign itself: did it do what it set out to do?"""
        made, missed = self._injector.made, self._injector.missed
        among = f"{len(made)} of {self._plan.faults}"
        yield none_of("the faults were made", (f"{each.kind} {each.victim}" for each in missed), among)
        yield enough_kills(self._plan, made)

    def _secrets(self, log: on_the_log.LogView, forge: at_the_forge.ForgeView, spending: Spending) -> Iterator[Verdict]:
        cluster = self._stage.cluster
        password = cluster.database_url.partition("@")[0].rpartition(":")[2]
        known = cluster.credentials
        secrets = [known.forge_token, known.webhook_secret, known.api_token, password, LLM_KEY, MARKER_SECRET]
        said = [each for shown in forge.shown for each in (*shown.comments, *shown.inline, *shown.reviews, *shown.told)]
        told = [
            *((log.name, log.read_bytes()) for log in self._stage.logs()),
            *(("the forge", json.dumps(each).encode()) for each in (*said, *forge.ledger)),
            *log.texts,
            *(("what the model was sent", asked.encode()) for asked in spending.asked),
        ]
        everything = chain(told, leaks.in_tables(cluster.database_url))
        yield leaks.judge("N11 no secret is told anywhere", secrets, everything)
        yield leaks.judge("N11 no credential in the code is passed on", [CREDENTIAL], told)
