"""`python -m tests.rolling`: replaces services by the next version and back, puts back an old backup, loses Kafka; all
under load, and counts what is missing, doubled or wrong."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from penstock.local.errors import LocalError
from tests.chaos.plan import Plan
from tests.chaos.verdict import Verdict
from tests.rolling.ground import Ground, opened
from tests.rolling.people import plan_of
from tests.rolling.replacing import Rolling
from tests.rolling.restoring import Losing

STORIES = ("roll", "old-backup", "lost-kafka")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rolling", description=__doc__)
    parser.add_argument("stories", nargs="*", metavar="|".join(STORIES), help="all of them when none is named")
    parser.add_argument("--pull-requests", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=2.0, help="over which pull requests are opened")
    parser.add_argument("--rounds", type=int, default=3, help="of a roll: there and back again")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    if unknown := set(given.stories) - set(STORIES):
        parser.error(f"there is no story {', '.join(sorted(unknown))}")
    plan = plan_of(given.pull_requests, given.minutes * 60, given.seed)
    held = [_told(story, plan, given.rounds) for story in given.stories or STORIES]
    return 0 if all(held) else 1


def _told(story: str, plan: Plan, rounds: int) -> bool:
    print(f"== {story}: {plan.pull_requests} pull requests over {plan.opening:.0f} s", flush=True)
    try:
        with opened() as ground:
            verdicts = asyncio.run(_played(story, ground, plan, rounds))
    except LocalError as error:
        print(f"{story}: {error}", file=sys.stderr)
        return False
    for verdict in verdicts:
        print(f"{verdict.word:<6} {verdict.invariant}: {verdict.found}")
    return all(verdict.held for verdict in verdicts)


async def _played(story: str, ground: Ground, plan: Plan, rounds: int) -> Sequence[Verdict]:
    def say(text: str) -> None:
        print(text, flush=True)

    if story == "roll":
        return await Rolling(ground, plan, 300.0, say).run(rounds)
    losing = Losing(ground, plan, 300.0, say)
    return await (losing.old_backup() if story == "old-backup" else losing.lost_kafka())


if __name__ == "__main__":
    sys.exit(main())
