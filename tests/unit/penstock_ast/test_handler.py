"""ast.requested → ast.completed, with fakes for everything around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from penstock_ast.analysis import Analyser
from penstock_ast.decide import AnalysisLimits
from penstock_ast.handler import AstHandler
from penstock_ast.task import FileResult, FileState, FileTask, without_analysis
from penstock_changes.documents import (
    AnalysisDocument,
    ManifestDocument,
    NotReviewed,
    decode_document,
    encode_document,
)
from penstock_contracts.enums import AnswerOutcome, ErrorClassification
from penstock_contracts.facts import AstCompleted, AstRequested
from penstock_eventlog.outcomes import Emit, Failed, Outcome, Skip
from penstock_eventlog.wanted import Wanted
from penstock_sources.access import Repositories, repository_key
from penstock_sources.errors import SourceUnavailable
from penstock_sources.fake import FakeSources
from tests.support.requests import PULL_REQUEST, FakeBlobs, FakeExecutions, request

BEFORE = {"a.py": b"def f():\n    return 1\n", "b.txt": b"one\n", "skipped.py": b"x = 1\n"}
AFTER = {"a.py": b"def f(a=[]):\n    return a\n", "b.txt": b"two\n", "skipped.py": b"def g(a=[]): pass\n"}


@dataclass
class HerePool:
    """Analyses in this process; the files named in `failing` are answered as if they had killed their worker."""

    failing: tuple[str, ...] = ()
    closed: bool = False

    async def analyse(self, tasks: Sequence[FileTask]) -> Sequence[FileResult]:
        return [
            without_analysis(task, FileState.FAILED) if task.path in self.failing else Analyser().file(task)
            for task in tasks
        ]

    async def close(self) -> None:
        self.closed = True


@dataclass
class World:
    """A repository with one change, and the handler that looks at it."""

    before: Mapping[str, bytes] = field(default_factory=lambda: BEFORE)
    after: Mapping[str, bytes] = field(default_factory=lambda: AFTER)
    not_reviewed: tuple[NotReviewed, ...] = (NotReviewed("skipped.py", "filtered"),)
    pool: HerePool = field(default_factory=HerePool)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    sources: FakeSources = field(default_factory=FakeSources)

    async def fact(self) -> AstRequested:
        key = repository_key(PULL_REQUEST)
        base = self.sources.commit(key, self.before)
        head = self.sources.commit(key, self.after, (base,))
        repository = Repositories({}).repository(PULL_REQUEST, "")
        diff = await self.sources.diff(repository, base, head)
        manifest = ManifestDocument(
            head=head,
            base=base,
            merge_base=base,
            title="",
            description="",
            author="",
            files=(),
            not_reviewed=self.not_reviewed,
            batches=(),
        )
        return AstRequested(
            PULL_REQUEST,
            head,
            base,
            config_blob="",
            change_blob=await self.blobs.put(diff.encode()),
            manifest_blob=await self.blobs.put(encode_document(manifest)),
        )

    async def handle(self, fact: AstRequested, not_after: datetime | None = None) -> Outcome:
        handler = AstHandler(
            blobs=self.blobs,
            sources=self.sources,
            repositories=Repositories({}),
            pool=self.pool,
            wanted=Wanted(self.executions),
            limits=AnalysisLimits(),
        )
        return await handler.requested(request(fact, not_after=not_after))

    def document(self, answer: AstCompleted) -> AnalysisDocument:
        return decode_document(self.blobs.data[answer.blob], AnalysisDocument)


def answer_of(outcome: Outcome) -> AstCompleted:
    assert isinstance(outcome, Emit)
    (fact,) = outcome.facts
    assert isinstance(fact, AstCompleted)
    return fact


async def test_the_answer_counts_what_the_blob_contains() -> None:
    world = World()
    answer = answer_of(await world.handle(await world.fact()))
    document = world.document(answer)
    assert (answer.outcome, answer.symbols, answer.findings, answer.files) == (AnswerOutcome.OK, 1, 1, 1)
    assert [(file.path, file.status) for file in document.files] == [("a.py", "analysed"), ("b.txt", "no grammar")]
    assert [finding.rule for finding in document.findings] == ["python-mutable-default-argument"]


async def test_a_file_that_could_not_be_analysed_makes_the_answer_partial() -> None:
    world = World(pool=HerePool(failing=("a.py",)))
    answer = answer_of(await world.handle(await world.fact()))
    assert answer.outcome is AnswerOutcome.PARTIAL
    assert "1 of 1" in answer.reason


async def test_a_change_without_any_known_language_is_skipped_with_its_reason() -> None:
    world = World(before={"a.txt": b"1\n"}, after={"a.txt": b"2\n"})
    answer = answer_of(await world.handle(await world.fact()))
    assert (answer.outcome, answer.reason) == (AnswerOutcome.SKIPPED, "no file with a grammar")


async def test_nothing_is_read_for_what_is_no_longer_wanted() -> None:
    world = World(executions=FakeExecutions(times=0))
    fact = await world.fact()
    world.sources.asked.clear()
    assert isinstance(await world.handle(fact), Skip)
    assert world.sources.asked == []


async def test_nothing_is_parsed_for_what_was_withdrawn_meanwhile() -> None:
    world = World(executions=FakeExecutions(times=1))
    fact = await world.fact()
    stored = len(world.blobs.data)
    assert isinstance(await world.handle(fact), Skip)
    assert len(world.blobs.data) == stored


async def test_what_is_wanted_is_done_however_late_it_is_by_our_own_clock() -> None:
    """It may be ahead; the orchestrator ends what is late."""
    world = World()
    fact = await world.fact()
    assert isinstance(await world.handle(fact, not_after=datetime.min.replace(tzinfo=UTC)), Emit)


async def test_a_repository_that_cannot_be_reached_fails_as_its_error_says() -> None:
    world = World()
    fact = await world.fact()
    world.sources.fail_next(SourceUnavailable("no route to host"))
    outcome = await world.handle(fact)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClassification.TRANSIENT


async def test_a_missing_blob_fails_for_good() -> None:
    world = World()
    fact = await world.fact()
    world.blobs.data.clear()
    outcome = await world.handle(fact)
    assert isinstance(outcome, Failed)
    assert outcome.error_class is ErrorClassification.PERMANENT
