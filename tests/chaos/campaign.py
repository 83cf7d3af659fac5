"""A campaign: people work, processes die, everything comes to its end, and everybody who saw it judges."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from tests.chaos import at_the_forge, evidence, in_the_store, on_the_log
from tests.chaos.killer import Killer
from tests.chaos.load import Load
from tests.chaos.plan import SERVICES, Plan
from tests.chaos.report import Report
from tests.chaos.stage import LLM_KEY, MARKER_SECRET, Stage, opened
from tests.chaos.verdict import Verdict, none_of

_LOOK = 1.0
Say = Callable[[str], None]


def run(plan: Plan, say: Say) -> Report:
    """Starts everything, and ends it however this ends."""
    with opened(plan) as stage:
        return asyncio.run(_Campaign(stage, plan, say).run())


class _Campaign:
    def __init__(self, stage: Stage, plan: Plan, say: Say) -> None:
        self._stage, self._plan, self._say = stage, plan, say
        self._load = Load(plan, stage.cluster.forge.url)
        self._killer = Killer(stage, plan)
        self._began = time.monotonic()

    async def run(self) -> Report:
        self._began = time.monotonic()
        keepers = [
            asyncio.create_task(work)
            for work in (self._killer.supervise(), self._load.redeliver(), self._tell_progress())
        ]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._load.run())
                group.create_task(self._killer.run())
            if self._plan.twice:
                await self._load.repeat_deliveries()
            left = await self._settle()
        finally:
            await self._killer.close()
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
        return left

    async def _left(self) -> dict[str, int]:
        cluster = self._stage.cluster
        left = dict(await asyncio.to_thread(in_the_store.unfinished, cluster.database_url))
        if not left and (webhooks := await at_the_forge.undelivered(cluster.forge.url)):
            left["webhooks"] = webhooks
        if not left and (records := await asyncio.to_thread(on_the_log.unread, cluster.address)):
            left["unread records"] = records
        return left

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(20)
            self._say(
                f"{time.monotonic() - self._began:4.0f} s: {len(self._load.opened)} pull requests opened, "
                f"{len(self._killer.kills)} kills, {sum(kill.holding for kill in self._killer.kills)} in hand"
            )

    async def _judge(self, left: dict[str, int], seconds: float) -> Report:
        cluster, plan = self._stage.cluster, self._plan
        strays = await asyncio.to_thread(self._stage.left_over)
        forge = await at_the_forge.look(cluster.forge.url, cluster.credentials.forge_token, self._load.opened)
        store = await in_the_store.look(cluster.database_url)
        log = await asyncio.to_thread(on_the_log.look, cluster.address)
        verdicts = [
            none_of(
                "all is done in time",
                (f"{n} {what}" for what, n in left.items()),
                f"{seconds:.0f} of {plan.limit:.0f} s",
            ),
            *at_the_forge.judge(forge),
            *in_the_store.judge(store, forge),
            *on_the_log.judge(log, store, twice=plan.twice),
            self._secrets(log.values, forge),
            none_of("no child of a dead process lives on", strays, f"{len(SERVICES)} services"),
            *self._enough(),
        ]
        counted = {
            "pull requests": len(self._load.opened),
            "heads": sum(len(pull.heads) for pull in self._load.opened),
            "webhooks sent again": self._load.redelivered,
            "records on the log": len(log.values),
            "the model": json.loads(urllib.request.urlopen(f"{self._stage.model_url}/told", timeout=10).read()),
            "ended without being killed": "; ".join(self._killer.ended_alone) or "nothing",
            "back at work after": ", ".join(
                f"{name} {median(times):.1f} s ({max(times):.1f} s at most)"
                for name, times in sorted(self._killer.back_after.items())
            ),
        }
        report = Report(plan, seconds, tuple(self._killer.kills), verdicts, counted)
        if not report.held:
            self._say(f"what is needed to find the cause is in {evidence.keep(self._stage, forge, store, report)}")
        return report

    def _enough(self) -> Iterator[Verdict]:
        """The campaign itself: did it do what it set out to do?"""
        kills, wanted = self._killer.kills, self._plan.kills
        holding = sum(kill.holding for kill in kills)
        yield Verdict("the kills were made", len(kills) >= wanted, f"{len(kills)} of {wanted}")
        enough = holding >= self._plan.in_hand * len(kills)
        yield Verdict("enough of them with something in hand", enough, f"{holding} of {len(kills)}")

    def _secrets(self, values: Sequence[bytes], forge: at_the_forge.ForgeView) -> Verdict:
        cluster = self._stage.cluster
        password = cluster.database_url.partition("@")[0].rpartition(":")[2]
        known = cluster.credentials
        secrets = [known.forge_token, known.webhook_secret, known.api_token, password, LLM_KEY, MARKER_SECRET]
        logs = [(service, self._stage.fleet.log(service).read_bytes()) for service in SERVICES]
        said = json.dumps([[each.comments, each.inline, each.reviews] for each in forge.shown], default=list).encode()
        places = [*logs, ("the forge", said), ("the log", b"\0".join(values))]
        found = (f"{secret[:4]}… in {name}" for secret in secrets for name, text in places if secret.encode() in text)
        return none_of("N11 no secret in logs, records or comments", found, f"{len(secrets)} secrets")


def _of(seconds: float, limit: float) -> str:
    return f"{seconds:.0f} of {limit:.0f} s"
