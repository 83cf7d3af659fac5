"""The judgement of a roll and of a loss, by those who judge a campaign."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType

from tests.chaos import at_the_console, at_the_forge, in_the_store, on_the_log
from tests.chaos.load import Load
from tests.chaos.verdict import Verdict, none_of
from tests.rolling.ground import Ground

SAYS: Mapping[str, str] = MappingProxyType(
    {
        "ingest": "pr.received",
        "console": "workflow.control",
        "orchestrator": "comments.requested",
        "prepare": "config.resolved",
        "ast": "ast.completed",
        "llm-review": "files.review.completed",
        "commenter": "comments.published",
    }
)
"""A topic of each service, to which nobody else speaks."""


async def after_a_roll(ground: Ground, load: Load, taken: Mapping[str, Set[str]]) -> Sequence[Verdict]:
    """`taken` is what was asked of the console."""
    forge, store = await _forge(ground, load), await in_the_store.look(ground.cluster.database_url)
    log = await asyncio.to_thread(on_the_log.look, ground.cluster.address)
    return [
        *at_the_forge.judge(forge),
        *in_the_store.judge(store, forge),
        *on_the_log.judge(log, store, twice=False),
        *at_the_console.judge(store, forge, taken),
        none_of(
            "each service spoke in both versions, and was understood",
            (service for service, topic in SAYS.items() if len(log.schemas[topic]) < 2),
            f"{len(SAYS)} services",
        ),
    ]


async def after_a_loss(ground: Ground, load: Load) -> Sequence[Verdict]:
    """What a lost log or a lost database has said is nobody's to count."""
    forge, store = await _forge(ground, load), await in_the_store.look(ground.cluster.database_url)
    return [*at_the_forge.judge(forge), *in_the_store.judge(store, forge, restored=True)]


async def after_a_contract(ground: Ground, load: Load) -> Sequence[Verdict]:
    """At the platform alone: this program, which is the older version, cannot read the store any more."""
    return at_the_forge.judge(await _forge(ground, load))


async def _forge(ground: Ground, load: Load) -> at_the_forge.ForgeView:
    cluster = ground.cluster
    return await at_the_forge.look(cluster.forge.url, cluster.credentials.forge_token, load.opened)


async def reviews_of(ground: Ground, *heads: str) -> Mapping[str, int]:
    """How often a review of each landed, by the platform's ledger."""
    ledger = await asyncio.to_thread(ground.cluster.forge.tell, "GET", "/_forge/ledger?kind=review.submitted")
    landed = Counter(each["head"] for each in ledger if 200 <= each["status"] < 300)
    return {head: landed[head] for head in heads}
