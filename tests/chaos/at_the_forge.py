"""The judgement from outside: what people see at the forge, and what its ledger counted."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import httpx

from tests.chaos.load import PullRequest
from tests.chaos.verdict import Verdict, none_of

_MARKER = re.compile(r"<!-- penstock:[0-9a-f]{32} -->\s*\Z")
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Span:
    begin: datetime
    end: datetime

    def touches(self, begin: datetime, end: datetime) -> bool:
        return self.begin <= end and begin <= self.end


@dataclass(frozen=True, slots=True)
class Shown:
    """A pull request as its page shows it."""

    pull: PullRequest
    reviews: Sequence[Mapping[str, Any]]
    inline: Sequence[Mapping[str, Any]]
    comments: Sequence[Mapping[str, Any]]
    statuses: Mapping[str, str]
    """The state that stands on each head; the newest counts."""
    told: Sequence[Mapping[str, Any]] = ()
    """Every status there ever was."""

    @property
    def summaries(self) -> int:
        """Comments of ours; people comment too."""
        return sum(_MARKER.search(each["body"] or "") is not None for each in self.comments)

    @property
    def lacks_review(self) -> bool:
        """An open pull request whose last head has none."""
        return not self.pull.closed and self.reviews_of(self.pull.heads[-1]) == 0

    def reviews_of(self, head: str) -> int:
        return sum(review["commit_id"] == head for review in self.reviews)


@dataclass(frozen=True, slots=True)
class ForgeView:
    shown: Sequence[Shown]
    ledger: Sequence[Mapping[str, Any]]
    deliveries: Sequence[Mapping[str, Any]]

    def submitted(self, by: Literal["marker", "head"] = "marker") -> Counter[str]:
        """How often a review of each marker, or of each head, landed."""
        return Counter(each[by] for each in self.landed())

    def landed(self) -> Iterator[Mapping[str, Any]]:
        """The reviews."""
        return (each for each in self.ledger if each["kind"] == "review.submitted" and 200 <= each["status"] < 300)


async def look(url: str, token: str, pulls: Sequence[PullRequest]) -> ForgeView:
    headers, slots = {"authorization": f"Bearer {token}"}, asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:

        async def get(path: str) -> list[dict[str, Any]]:
            async with slots:
                answer = await client.get(path)
            answer.raise_for_status()
            return list(answer.json())

        async def show(pull: PullRequest) -> Shown:
            here = f"/api/v3/repos/{pull.repository}"
            reviews = await get(f"{here}/pulls/{pull.number}/reviews?per_page=100")
            inline = await get(f"{here}/pulls/{pull.number}/comments?per_page=100")
            comments = await get(f"{here}/issues/{pull.number}/comments?per_page=100")
            told = {head: await get(f"{here}/commits/{head}/statuses?per_page=100") for head in pull.heads}
            statuses = {head: each[0]["state"] for head, each in told.items() if each}
            return Shown(pull, reviews, inline, comments, statuses, [each for head in told.values() for each in head])

        shown = await asyncio.gather(*(show(pull) for pull in pulls))
        return ForgeView(shown, await get("/_forge/ledger"), await get("/_forge/deliveries"))


async def undelivered(url: str) -> int:
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        deliveries = (await client.get("/_forge/deliveries")).json()
    return sum(not _taken(each) for each in deliveries)


def judge(view: ForgeView, frozen: Sequence[Span] = ()) -> list[Verdict]:
    """`frozen`: when a process or a server stood still."""
    return [
        none_of(
            "N1 every webhook was taken",
            (f"{each['event']} {each['guid']} {each['attempts']}" for each in view.deliveries if not _taken(each)),
            f"{len(view.deliveries)} webhooks, {sum(len(each['attempts']) for each in view.deliveries)} attempts",
        ),
        *_reviews(view),
        none_of("N2 no comment remains twice", doubles_that_remain(view), f"{len(_texts(view))} comments that remain"),
        *_created_once(view, frozen),
        *_statuses(view),
    ]


def _open(view: ForgeView) -> list[Shown]:
    """What is left out somebody wanted cancelled: at_the_console.py looks whether it was."""
    return [shown for shown in view.shown if not shown.pull.closed and not shown.pull.cancelled]


def _reviews(view: ForgeView) -> Iterator[Verdict]:
    # By head as well: done again after a restore, a run may have to review what was pushed since. That each run of a
    # store that was never restored has one review only is judged where its runs are known.
    open_ones, submitted = _open(view), Counter((each["marker"], each["head"]) for each in view.landed())
    missing = (each.pull for each in open_ones if each.lacks_review)
    yield none_of(
        "N2 no review is missing",
        (f"{pull.name} at {pull.heads[-1][:8]}" for pull in missing),
        f"{len(open_ones)} open pull requests",
    )
    yield none_of(
        "N2 no review is doubled",
        (f"{marker} {count} times on {head[:8]}" for (marker, head), count in submitted.items() if count > 1),
        f"{submitted.total()} submitted, {sum(len(shown.reviews) for shown in view.shown)} shown",
    )
    heads = [(shown, head) for shown in view.shown for head in shown.pull.heads]
    yield none_of(
        "N2 no head is reviewed more often than asked for",
        (
            f"{shown.pull.name} at {head[:8]}"
            for shown, head in heads
            if shown.reviews_of(head) > 1 + shown.pull.reviews_asked
        ),
        f"{len(heads)} heads",
    )
    yield none_of(
        "N2 one summary for each pull request",
        (f"{each.pull.name} has {each.summaries}" for each in open_ones if each.summaries != 1),
        f"{len(open_ones)} open pull requests",
    )


def _statuses(view: ForgeView) -> Iterator[Verdict]:
    told = [(shown, head, state) for shown in view.shown for head, state in shown.statuses.items()]
    yield none_of(
        "N1 every status is final",
        (f"{shown.pull.name} at {head[:8]} is {state}" for shown, head, state in told if state == "pending"),
        f"{len(told)} heads with a status",
    )
    yield none_of(
        "N1 every open pull request has a status on its head",
        (each.pull.name for each in _open(view) if each.pull.heads[-1] not in each.statuses),
        f"{len(_open(view))} open pull requests",
    )


def _taken(delivery: Mapping[str, Any]) -> bool:
    return any(200 <= status < 300 for status in delivery["attempts"])


def doubles_that_remain(view: ForgeView) -> list[str]:
    """Marked by effect: what two carry was said twice."""
    marks = Counter(found[0].strip() for each in _texts(view) if (found := _MARKER.search(each["body"] or "")))
    return [f"{mark} {count} times" for mark, count in marks.items() if count > 1]


def _texts(view: ForgeView) -> list[Mapping[str, Any]]:
    return [each for shown in view.shown for each in (*shown.inline, *shown.comments)]


def _created_once(view: ForgeView, frozen: Sequence[Span]) -> Iterator[Verdict]:
    """What a frozen process does when it wakes may double something for a moment; kills alone never do."""
    times: dict[str, list[datetime]] = defaultdict(list)
    for each in view.ledger:
        if each["kind"] == "comment.created" and _landed(each):
            times[each["marker"]].append(datetime.fromisoformat(each["time"]))
    doubled = {mark: when for mark, when in times.items() if len(when) > 1}
    excused = {mark for mark, when in doubled.items() if any(span.touches(min(when), max(when)) for span in frozen)}
    yield none_of(
        "N2 no summary was created twice",
        (f"{mark} {len(when)} times" for mark, when in doubled.items() if mark not in excused),
        f"{sum(map(len, times.values()))} created, {len(excused)} doubled for a moment by who was frozen",
    )


def _landed(entry: Mapping[str, Any]) -> bool:
    return 200 <= int(entry["status"]) < 300
