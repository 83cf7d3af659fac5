"""A commenter on a stage: a real forge in process, the store in memory, a clock that is moved by hand."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import httpx

from penstock_changes.documents import AnalysisDocument, ManifestDocument, ReviewConfig, ReviewDocument, encode_document
from penstock_changes.findings import Category, Finding, Severity
from penstock_commenter.adapters.platforms import ConnectedPlatforms
from penstock_commenter.doubts import Doubts
from penstock_commenter.handler import Commenter
from penstock_commenter.identity import Markers
from penstock_commenter.occasion import Voice
from penstock_commenter.tenure import Timing
from penstock_contracts.enums import CommentsKind, ExecutionState, Stage
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import CommentsPublished, CommentsRequested, PullRequestRef, ReviewPart
from penstock_contracts.ids import request_id, stream_of, subject_of
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_platforms.forge.ledger import Entry
from penstock_platforms.forge.model import Comment, Pull, Repository, Review, ReviewComment, Status
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_platforms.github.client import GitHub
from penstock_platforms.limits import Limits
from penstock_runtime.clock import ManualClock
from penstock_runtime.steps import NO_STEPS, Steps
from penstock_store.memory.store import MemoryStore
from penstock_store.rows import ExecutionRow, StreamRow

BASE = {"app.py": "".join(f"line {number}\n" for number in range(1, 41))}
CHANGE = {"app.py": BASE["app.py"].replace("line 5\n", "line five\n").replace("line 30\n", "line thirty\nand more\n")}
TIMING = Timing(call=10.0, settle=10.0)
_ABOUT = re.compile(r"/(issues|pulls)/\d+/(\w+)$")
MARKERS = Markers(b"a secret of this installation")


def finding(line: int = 5, severity: Severity = Severity.HIGH, **more: object) -> Finding:
    """A finding on a line of app.py; its fingerprint follows from path, line and rule."""
    wanted: dict[str, object] = {
        "path": "app.py",
        "start_line": line,
        "end_line": line,
        "category": Category.BUG,
        "severity": severity,
        "rule": "bugs/off-by-one",
        "title": f"Line {line} is wrong",
        "message": "It counts one too many.",
        "source": "model",
        **more,
    }
    wanted.setdefault("fingerprint", f"{wanted['path']}:{wanted['start_line']}:{wanted['rule']}")
    return Finding(**wanted)  # type: ignore[arg-type]


@dataclass(slots=True)
class Overheard(httpx.AsyncBaseTransport):
    """The way to the forge, on which is written down what is asked for: "GET issues/comments"."""

    way: httpx.AsyncBaseTransport
    heard: list[str]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        found = _ABOUT.search(request.url.path)
        if found is not None:
            self.heard.append(f"{request.method} {found[1]}/{found[2]}")
        return await self.way.handle_async_request(request)


@dataclass(slots=True)
class Stagehand:
    """What a test does and looks at."""

    forge: Forge
    repository: Repository
    pull: Pull
    clock: ManualClock
    store: MemoryStore
    markers: Markers = MARKERS
    voice: Voice = field(init=False)
    heard: list[str] = field(default_factory=list)
    """What commenters asked of the forge about pull requests: the method and the kind of thing."""

    def __post_init__(self) -> None:
        self.voice = Voice("penstock", self.markers, lambda text: text.replace("hunter2", "***"))

    @property
    def ref(self) -> PullRequestRef:
        return PullRequestRef("github", "forge", str(self.repository.id), self.repository.name, self.pull.number)

    @property
    def stream(self) -> str:
        return stream_of(self.ref)

    def process(self, holder: str = "commenter@a:1", steps: Steps = NO_STEPS, call: float = 10.0) -> Commenter:
        """A commenter as one process has it: nothing is shared with another but store and forge."""

        def connect(instance: str) -> GitHub:
            return GitHub.connect(
                TOKEN,
                url=self.forge.api_url,
                instance=instance,
                limits=Limits(call=call, total=call),
                transport=Overheard(self.forge.transport(), self.heard),
                now=self.clock.now,
            )

        return Commenter(
            store=self.store,
            platforms=ConnectedPlatforms({"github": connect}),
            wanted=Wanted(self.store.executions),
            clock=self.clock,
            steps=steps,
            voice=self.voice,
            timing=TIMING,
            doubts=Doubts(self.clock),
            holder=holder,
        )

    async def review(
        self,
        *findings: Finding,
        config: ReviewConfig | None = None,
        run: str = "run-1",
        epoch: int = 1,
        parts: Sequence[ReviewPart] | None = None,
        attempt: int = 1,
        partial: bool = False,
    ) -> Event[CommentsRequested]:
        """A request to say these findings, as one batch of the file review brought them."""
        if parts is None:
            document = await self.store.blobs.put(encode_document(ReviewDocument(findings=findings)))
            analysis = await self.store.blobs.put(encode_document(AnalysisDocument()))
            parts = (
                ReviewPart(Stage.AST, "", "ok", analysis),
                ReviewPart(Stage.FILES_REVIEW, "0", "ok", document),
            )
        fact = CommentsRequested(
            pull_request=self.ref,
            kind=CommentsKind.REVIEW,
            head=self.pull.head,
            base=self.pull.base,
            config_blob=await self.store.blobs.put(encode_document(config or ReviewConfig())),
            change_blob=await self.store.blobs.put(await self.diff()),
            manifest_blob=await self.store.blobs.put(encode_document(self.manifest())),
            parts=tuple(parts),
            partial=partial,
        )
        return self.asked(fact, run=run, epoch=epoch, attempt=attempt)

    async def note(
        self, kind: CommentsKind, *, run: str = "run-1", epoch: int = 1, comment: bool = True, reason: str = ""
    ) -> Event[CommentsRequested]:
        """A request for the pending note or a closing."""
        config = await self.store.blobs.put(encode_document(ReviewConfig(initial_comment=comment)))
        fact = CommentsRequested(self.ref, kind, self.pull.head, self.pull.base, config, reason=reason)
        return self.asked(fact, run=run, epoch=epoch)

    def asked(self, fact: CommentsRequested, *, run: str, epoch: int, attempt: int = 1) -> Event[CommentsRequested]:
        """The fact in the orchestrator's envelope, and the rows that say whose it is and that it is wanted."""
        part = fact.kind.value
        self.store.tables.streams[self.stream] = StreamRow(self.stream, subject_of(self.ref), b"", "", 0, 1)
        row = ExecutionRow(run, Stage.COMMENTS, part, attempt, ExecutionState.ASKED)
        self.store.tables.executions[run, Stage.COMMENTS, part, attempt] = row
        envelope = Envelope(
            id=request_id(run, Stage.COMMENTS, part, attempt),
            type=fact.TYPE,
            source="orchestrator",
            time=self.clock.now(),
            stream=self.stream,
            workflow_id=run,
            epoch=epoch,
            stage=Stage.COMMENTS.value,
            part=part,
            attempt=attempt,
        )
        return Event(envelope, fact)

    def manifest(self) -> ManifestDocument:
        return ManifestDocument(
            head=self.pull.head,
            base=self.pull.base,
            merge_base=self.pull.base,
            title="A change",
            description="",
            author="alice",
            files=(),
            not_reviewed=(),
            batches=(("app.py",),),
        )

    async def diff(self) -> bytes:
        client = GitHub.connect(TOKEN, url=self.forge.api_url, instance="forge", transport=self.forge.transport())
        try:
            return await client.diff(self.ref, self.pull.base, self.pull.head)
        finally:
            await client.aclose()

    async def push(self, files: Mapping[str, str]) -> None:
        self.pull = await self.forge.world.push(self.repository, self.pull, dict(files))

    # --- what stands at the forge ---

    def comments(self) -> list[Comment]:
        return list(self.forge.world.state.owned(Comment, (self.repository.id, self.pull.number)))

    def reviews(self) -> list[Review]:
        return list(self.forge.world.state.owned(Review, (self.repository.id, self.pull.number)))

    def inline(self) -> list[ReviewComment]:
        return list(self.forge.world.state.owned(ReviewComment, (self.repository.id, self.pull.number)))

    def statuses(self, head: str = "") -> list[Status]:
        """Every status of a head, the latest last."""
        return list(self.forge.world.state.owned(Status, (self.repository.id, head or self.pull.head)))

    def status(self, head: str = "") -> str:
        found = self.statuses(head)
        return found[-1].state if found else ""

    def writes(self) -> tuple[Entry, ...]:
        return tuple(each for each in self.forge.ledger.entries() if each.landed)


def answer_of(outcome: Outcome) -> CommentsPublished:
    assert isinstance(outcome, Emit), outcome
    (fact,) = outcome.facts
    assert isinstance(fact, CommentsPublished)
    return fact


def with_places(place: Finding, **changes: object) -> Finding:
    return replace(place, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def set_stage(folder: Path) -> AsyncIterator[Stagehand]:
    clock = ManualClock()

    def now() -> datetime:
        return clock.now()

    async with Forge(folder, port=None, now=now) as forge:
        repository = await forge.world.create_repository("acme/shop", BASE)
        pull = await forge.world.open_pull_request(repository, title="A change", files=CHANGE)
        yield Stagehand(forge, repository, pull, clock, MemoryStore(clock))
