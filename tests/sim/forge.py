"""A platform in memory whose writes fail, get lost or land late, and what one process sees of it."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from penstock_commenter.handler import lease_key
from penstock_commenter.tenure import Timing
from penstock_contracts.facts import PullRequestRef
from penstock_contracts.ids import stream_of
from penstock_platforms.errors import MaybeSent, NotFound, NotSent, RateLimited
from penstock_platforms.ports import (
    Capabilities,
    ChangedFile,
    Comment,
    InlineComment,
    Permission,
    PullRequest,
    PullRequestState,
    RepositoryRef,
    Review,
    ReviewComment,
    Status,
    StatusState,
    Verdict,
)
from penstock_runtime.steps import Crashed
from tests.sim.ground import Ground
from tests.sim.process import Process

ACCOUNT = "penstock"
BASE = "b" * 40
BEFORE_CALL, AFTER_CALL = "platform.1.asked", "platform.2.landed"
CAPABILITIES = Capabilities(
    batched_review=True,
    suggestions=True,
    edit_comments=True,
    delete_review_comments=True,
    resolve_threads=True,
    approve=True,
    request_changes=True,
    statuses=True,
    comment_limit=65_000,
)
_A_LOOK_HOLDS = timedelta(seconds=Timing().lease)
T = TypeVar("T")
Later = Callable[[float, Callable[[], None]], None]


@dataclass(slots=True)
class Pull:
    """A pull request, and all that was ever said on it."""

    ref: PullRequestRef
    heads: list[str]
    state: PullRequestState = PullRequestState.OPEN
    config: int = 0
    """Which configuration the base branch has."""
    comments: dict[str, Comment] = field(default_factory=dict)
    reviews: list[Review] = field(default_factory=list)
    inline: dict[str, ReviewComment] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return self.heads[-1]


@dataclass(slots=True)
class Forge:
    """Shared by all processes. `later` does something after some seconds of the world's time."""

    dice: Random
    later: Later
    clock: Callable[[], datetime]
    writes: Counter[str]
    ground: Ground
    faults: float = 0.0
    """The share of writes that do not go as they should."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    lingered: int = 0
    """How often a process was frozen after it had looked at its lease for the last time, and before its call landed."""
    unlooked: set[str] = field(default_factory=set)
    """Where such a call landed and its process was killed before it could look at what it had done."""
    broken: list[str] = field(default_factory=list)
    landing: datetime | None = None
    """When what lands now was on its way no longer."""
    _given: int = 0

    def now(self) -> str:
        return (self.landing or self.clock()).isoformat()

    def next_id(self) -> str:
        self._given += 1
        return str(self._given)


class ForgeClient:
    """Implements Platform and the commenter's Platforms, for one process."""

    def __init__(self, forge: Forge, process: Process) -> None:
        self._forge, self._process = forge, process
        self._looked: dict[int, tuple[str, datetime]] = {}
        """Which head this process saw last, and when."""

    def of(self, ref: PullRequestRef) -> "ForgeClient":
        return self

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    # --- reading ------------------------------------------------------------------------------------------------

    async def pull_request(self, ref: PullRequestRef) -> PullRequest:
        pull = await self._read(ref)
        self._looked[ref.number] = pull.head, self._forge.clock()
        texts = ("topic", "main", "A change", "", "ada", "MEMBER")
        return PullRequest(ref, pull.head, BASE, *texts, pull.state, draft=False, is_fork=False, **_ADDRESSES)

    async def file(self, ref: PullRequestRef, path: str, commit: str) -> bytes | None:
        return None

    async def changed_files(self, ref: PullRequestRef) -> tuple[ChangedFile, ...]:
        return ()

    async def diff(self, ref: PullRequestRef, base: str, head: str) -> bytes:
        return b""

    async def permission(self, ref: PullRequestRef, user: str) -> Permission:
        return Permission.WRITE

    async def open_pull_requests(self, repository: RepositoryRef) -> AsyncIterator[PullRequest]:
        for pull in self._forge.pulls.values():
            yield await self.pull_request(pull.ref)

    async def account(self, ref: PullRequestRef | None = None) -> str:
        return ACCOUNT

    async def comments(self, ref: PullRequestRef) -> tuple[Comment, ...]:
        return tuple((await self._read(ref)).comments.values())

    async def reviews(self, ref: PullRequestRef) -> tuple[Review, ...]:
        return tuple((await self._read(ref)).reviews)

    async def review_comments(self, ref: PullRequestRef) -> tuple[ReviewComment, ...]:
        return tuple((await self._read(ref)).inline.values())

    async def statuses(self, ref: PullRequestRef, commit: str) -> tuple[Status, ...]:
        return tuple(reversed((await self._read(ref)).statuses.get(commit, [])))

    async def _read(self, ref: PullRequestRef) -> Pull:
        await self._process.passage()
        return self._forge.pulls[ref.number]

    # --- writing ------------------------------------------------------------------------------------------------

    async def create_comment(self, ref: PullRequestRef, body: str) -> Comment:
        forge, pull = self._forge, self._forge.pulls[ref.number]

        def land() -> Comment:
            comment = Comment(forge.next_id(), ACCOUNT, body, forge.now())
            pull.comments[comment.comment_id] = comment
            return comment

        return await self._write("comment", ref, land)

    async def update_comment(self, ref: PullRequestRef, comment_id: str, body: str) -> Comment:
        pull = self._forge.pulls[ref.number]

        def land() -> Comment:
            if comment_id not in pull.comments:
                raise NotFound(comment_id)
            pull.comments[comment_id] = replace(pull.comments[comment_id], body=body)
            return pull.comments[comment_id]

        return await self._write("edit", ref, land)

    async def delete_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        pull = self._forge.pulls[ref.number]
        await self._write("delete", ref, lambda: pull.comments.pop(comment_id, None))

    async def submit_review(
        self,
        ref: PullRequestRef,
        *,
        commit: str,
        body: str,
        comments: tuple[InlineComment, ...] = (),
        verdict: Verdict = Verdict.COMMENT,
    ) -> str:
        forge, pull = self._forge, self._forge.pulls[ref.number]
        self._up_to_date(pull, commit)

        def land() -> str:
            review = Review(forge.next_id(), ACCOUNT, body, commit, verdict, forge.now())
            pull.reviews.append(review)
            for said in comments:
                place = (said.body, said.path, said.line, said.side, commit, forge.now())
                landed = ReviewComment(forge.next_id(), review.review_id, ACCOUNT, *place)
                pull.inline[landed.comment_id] = landed
            return review.review_id

        return await self._write("review", ref, land)

    async def delete_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        pull = self._forge.pulls[ref.number]
        await self._write("delete inline", ref, lambda: pull.inline.pop(comment_id, None))

    async def resolve_review_comment(self, ref: PullRequestRef, comment_id: str) -> None:
        """Nobody looks at threads here."""

    async def set_status(
        self, ref: PullRequestRef, commit: str, *, state: StatusState, context: str, description: str, url: str = ""
    ) -> None:
        forge, pull = self._forge, self._forge.pulls[ref.number]

        def land() -> None:
            pull.statuses.setdefault(commit, []).append(Status(context, state, description, url, forge.now()))

        await self._write("status", ref, land)

    async def aclose(self) -> None:
        """No connection is held."""

    close = aclose

    async def _write(self, kind: str, ref: PullRequestRef, land: Callable[[], T]) -> T:
        """A caller that dies in the middle leaves a call under way, which may land as long as a call may take."""
        forge = self._forge
        await self._speaking(kind, stream_of(ref))
        try:
            self._process.reach(BEFORE_CALL)
        except Crashed:
            if forge.dice.random() < 0.5:
                self._land_later(kind, land, 9.0)
            raise
        lingers = self._process.frozen
        forge.lingered += lingers
        await self._process.passage()
        self._fail(kind, land)
        landed = land()
        forge.writes[f"{kind}: landed"] += 1
        try:
            self._process.reach(AFTER_CALL)
        except Crashed:
            if lingers:
                forge.unlooked.add(stream_of(ref))
            raise
        return landed

    def _up_to_date(self, pull: Pull, commit: str) -> None:
        """The head may move between a look at it and the call, but a look there was, under the same lease."""
        forge = self._forge
        head, at = self._looked.get(pull.ref.number, ("", forge.clock()))
        if pull.head != commit and (head != commit or forge.clock() - at > _A_LOOK_HOLDS):
            forge.broken.append(f"N3 {self._process.name} reviews {commit[:8]} when the head is {pull.head[:8]}")

    async def _speaking(self, kind: str, stream: str) -> None:
        """A call is begun under a lease that has not run out when it is begun, which may be after a long sleep."""
        forge, process = self._forge, self._process
        wakes = forge.ground.clock.now() + timedelta(seconds=process.clock.ahead())
        lease = await forge.ground.lease(lease_key(stream))
        held = lease is not None and lease.expires_at > wakes
        ours = lease is not None and lease.holder in (process.holder, f"{process.holder}/sweeper")
        if not (held and ours) and not forge.ground.clock.jumps and not kind.startswith("delete"):
            forge.broken.append(f"N2 {process.name} writes a {kind} under a lease that has run out")

    def _fail(self, kind: str, land: Callable[[], T]) -> None:
        forge = self._forge
        if forge.dice.random() >= forge.faults:
            return
        match forge.dice.randrange(4):
            case 0:
                forge.writes[f"{kind}: not sent"] += 1
                raise NotSent("the network is away")
            case 1:
                forge.writes[f"{kind}: rate limited"] += 1
                raise RateLimited("too many", status=429, retry_after=30.0)
            case 2:
                self._land_later(kind, land, 19.0)
                raise MaybeSent("no answer came back")
            case _:
                forge.writes[f"{kind}: lost"] += 1
                raise MaybeSent("no answer came back")

    def _land_later(self, kind: str, land: Callable[[], T], most: float) -> None:
        """On the platform's own time, which does not jump with ours."""
        forge = self._forge
        delay = forge.dice.choice((0.0, 1.0, most))
        lands_at = forge.clock() + timedelta(seconds=delay)

        def landing() -> None:
            forge.landing = lands_at
            try:
                land()
            except NotFound:
                return
            finally:
                forge.landing = None
            forge.writes[f"{kind}: landed late"] += 1

        forge.later(delay, landing)


_ADDRESSES = {"clone_url": "", "web_url": "", "default_branch": "main"}
