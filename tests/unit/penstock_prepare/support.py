"""A pull request on a platform and in a repository, and the handler that reads it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from prometheus_client import CollectorRegistry

from penstock_changes.documents import BatchDocument, ManifestDocument, ReviewConfig, decode_document
from penstock_contracts.enums import PullRequestKind
from penstock_contracts.facts import ConfigResolved, PrepareRequested, PullRequestRef
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_platforms.errors import PlatformError
from penstock_platforms.github.client import CAPABILITIES
from penstock_platforms.ports import (
    Capabilities,
    ChangedFile,
    Permission,
    PullRequest,
    PullRequestState,
    Reader,
    RepositoryRef,
)
from penstock_prepare.handler import PrepareHandler
from penstock_prepare.reading import ChangeReader
from penstock_prepare.resolving import Configurations
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_sources.access import Repositories, repository_key
from penstock_sources.fake import FakeSources
from penstock_store.memory.store import MemoryStore
from tests.support.requests import NOON, PULL_REQUEST, FakeBlobs, FakeExecutions, request

FIRST = {"shop/cart.py": b"a = 1\nb = 2\n", "README.md": b"# Shop\n"}
SECOND = FIRST | {"shop/cart.py": b"a = 1\nb = 3\n"}


def pull_request(**fields: object) -> PullRequest:
    plain = PullRequest(
        ref=PULL_REQUEST,
        head="",
        base="",
        head_ref="prices",
        base_ref="main",
        title="Add prices",
        description="Because.",
        author="ada",
        author_association="MEMBER",
        state=PullRequestState.OPEN,
        draft=False,
        is_fork=False,
        clone_url="https://git.example/acme/shop.git",
        web_url="",
        default_branch="main",
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


@dataclass
class FakeReader:
    """One pull request, and files at any commit. An error in `fails` is raised by the next call."""

    pull: PullRequest
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    fails: list[PlatformError] = field(default_factory=list)
    permissions: dict[str, Permission] = field(default_factory=dict)
    read: list[tuple[str, str]] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def pull_request(self, ref: PullRequestRef) -> PullRequest:
        if self.fails:
            raise self.fails.pop(0)
        return self.pull

    async def file(self, ref: PullRequestRef, path: str, commit: str) -> bytes | None:
        self.read.append((commit, path))
        return self.files.get((commit, path))

    async def changed_files(self, ref: PullRequestRef) -> tuple[ChangedFile, ...]:
        return ()

    async def diff(self, ref: PullRequestRef, base: str, head: str) -> bytes:
        return b""

    async def permission(self, ref: PullRequestRef, user: str) -> Permission:
        return self.permissions.get(user, Permission.WRITE)

    async def open_pull_requests(self, repository: RepositoryRef) -> AsyncIterator[PullRequest]:
        yield self.pull


@dataclass
class World:
    sources: FakeSources = field(default_factory=FakeSources)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    reader: FakeReader = field(default_factory=lambda: FakeReader(pull_request()))

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        self.metrics = Metrics(CollectorRegistry())
        self.configurations = Configurations.within(self.store.cache, self.metrics)

    def commit(self, files: Mapping[str, bytes], *parents: str) -> str:
        return self.sources.commit(repository_key(PULL_REQUEST), files, parents)

    def show(self, base: str, head: str, **fields: object) -> None:
        """What the platform shows from now on."""
        self.reader.pull = pull_request(base=base, head=head, **fields)

    def opened(self, after: Mapping[str, bytes] = SECOND, **fields: object) -> tuple[str, str]:
        """A pull request of one commit; its base and head."""
        base = self.commit(FIRST)
        head = self.commit(after, base)
        self.show(base, head, **fields)
        return base, head

    def configured(self, text: str) -> None:
        self.reader.files[self.reader.pull.base, ".penstock.yaml"] = text.encode()

    def of(self, ref: PullRequestRef) -> Reader:
        return self.reader

    async def prepare(
        self, kind: PullRequestKind = PullRequestKind.OPENED, *, attempt: int = 1, **fields: object
    ) -> Outcome:
        handler = PrepareHandler(
            blobs=self.blobs,
            readers=self,
            repositories=Repositories({}),
            changes=ChangeReader(self.sources, self.blobs),
            configurations=self.configurations,
            wanted=Wanted(self.executions),
            clock=self.clock,
        )
        event = request(PrepareRequested(PULL_REQUEST, kind, **fields))  # type: ignore[arg-type]
        return await handler.requested(replace(event, envelope=replace(event.envelope, attempt=attempt)))

    async def resolved(self, kind: PullRequestKind = PullRequestKind.OPENED, **fields: object) -> ConfigResolved:
        outcome = await self.prepare(kind, **fields)  # type: ignore[arg-type]
        assert isinstance(outcome, Emit), outcome
        (fact,) = outcome.facts
        assert isinstance(fact, ConfigResolved)
        return fact

    def config(self, fact: ConfigResolved) -> ReviewConfig:
        return decode_document(self.blobs.data[fact.config_blob], ReviewConfig)

    def manifest(self, fact: ConfigResolved) -> ManifestDocument:
        return decode_document(self.blobs.data[fact.manifest_blob], ManifestDocument)

    def batches(self, fact: ConfigResolved) -> list[BatchDocument]:
        return [decode_document(self.blobs.data[batch.blob], BatchDocument) for batch in fact.manifest]
