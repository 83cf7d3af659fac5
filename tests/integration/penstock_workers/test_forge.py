"""The workers on a real platform interface and real repositories: prepare reads, ast and llm-review go on from that."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from prometheus_client import CollectorRegistry

from penstock_ast.adapters.pool import ProcessPool
from penstock_ast.decide import AnalysisLimits
from penstock_ast.handler import AstHandler
from penstock_changes.documents import (
    AnalysisDocument,
    BatchDocument,
    ManifestDocument,
    ReviewDocument,
    decode_document,
)
from penstock_contracts.enums import AnswerOutcome, PullRequestKind
from penstock_contracts.facts import (
    Answer,
    AstCompleted,
    AstRequested,
    ConfigResolved,
    FilesReviewCompleted,
    FilesReviewRequested,
    PrepareRequested,
    PullRequestRef,
)
from penstock_eventlog.outcomes import Emit, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_llm_review.asking import answers_in
from penstock_llm_review.budget import Budget, Prices
from penstock_llm_review.handler import ReviewHandler
from penstock_llm_review.ports import ModelAnswer, Prompt
from penstock_llm_review.prompts import PromptLimits
from penstock_platforms.forge.model import Pull, Repository
from penstock_platforms.forge.server import TOKEN, Forge
from penstock_prepare.adapters.readers import PlatformReaders
from penstock_prepare.bootstrap import readers_of
from penstock_prepare.handler import PrepareHandler
from penstock_prepare.reading import ChangeReader
from penstock_prepare.resolving import Configurations
from penstock_runtime.clock import ManualClock
from penstock_runtime.metrics import Metrics
from penstock_sources.access import Repositories, token_credential
from penstock_sources.errors import CommitNotFound
from penstock_sources.mirrors import GitMirrors
from penstock_store.memory.store import MemoryStore
from penstock_store.spending import Caps
from tests.support.requests import NOON, FakeBlobs, FakeExecutions, request
from tests.unit.penstock_llm_review.support import answer, finding

A = TypeVar("A", bound=Answer)
CART = "def total(items):\n    return sum(items)\n"
CHANGED = "def total(items, seen=[]):\n    return sum(items) + len(seen)\n"


@dataclass
class Workers:
    """Handlers as their bootstraps make them, on blobs in memory."""

    forge: Forge
    readers: PlatformReaders
    mirrors: GitMirrors
    blobs: FakeBlobs

    @property
    def wanted(self) -> Wanted:
        return Wanted(FakeExecutions())

    async def prepare(self, ref: PullRequestRef, reviewed_head: str = "", reviewed_base: str = "") -> ConfigResolved:
        handler = PrepareHandler(
            blobs=self.blobs,
            readers=self.readers,
            repositories=Repositories({"github": token_credential("github", TOKEN)}),
            changes=ChangeReader(self.mirrors, self.blobs),
            configurations=Configurations.within(MemoryStore(ManualClock(NOON)).cache, Metrics(CollectorRegistry())),
            wanted=self.wanted,
            clock=ManualClock(NOON),
        )
        fact = PrepareRequested(ref, PullRequestKind.OPENED, reviewed_head=reviewed_head, reviewed_base=reviewed_base)
        return answered(await handler.requested(request(fact)), ConfigResolved)

    async def analyse(self, resolved: ConfigResolved, ref: PullRequestRef) -> AstCompleted:
        pool = ProcessPool(size=1, seconds=30)
        handler = AstHandler(
            blobs=self.blobs,
            sources=self.mirrors,
            repositories=Repositories({"github": token_credential("github", TOKEN)}),
            pool=pool,
            wanted=self.wanted,
            limits=AnalysisLimits(),
        )
        blobs = (resolved.config_blob, resolved.change_blob, resolved.manifest_blob)
        fact = AstRequested(ref, resolved.head, resolved.base, *blobs)
        try:
            return answered(await handler.requested(request(fact)), AstCompleted)
        finally:
            await pool.close()

    async def review(self, resolved: ConfigResolved, ref: PullRequestRef, ast_blob: str) -> FilesReviewCompleted:
        store = MemoryStore(ManualClock(NOON))
        handler = ReviewHandler(
            blobs=self.blobs,
            model=Scripted(),
            provider="here",
            answers=answers_in(store.cache, Metrics(CollectorRegistry()), timedelta(days=1), 60),
            budget=Budget(store.spending, Caps(), Prices()),
            wanted=self.wanted,
            limits=PromptLimits(),
        )
        (batch,) = resolved.manifest
        fact = FilesReviewRequested(ref, resolved.head, resolved.base, resolved.config_blob, batch, ast_blob)
        return answered(await handler.files(request(fact, part="0")), FilesReviewCompleted)


class Scripted:
    """A model that finds something on the second line of the cart."""

    name = "scripted"

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        assert "signature function def total(items, seen=[])" in prompt.user
        return ModelAnswer(answer(finding(path="cart.py", start_line=2, end_line=2)), "scripted")

    async def close(self) -> None: ...


def answered(outcome: Outcome, kind: type[A]) -> A:
    assert isinstance(outcome, Emit), outcome
    (fact,) = outcome.facts
    assert isinstance(fact, kind)
    return fact


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    async with Forge(tmp_path / "forge") as forge:
        readers = readers_of(
            {"PENSTOCK_GITHUB_TOKEN": TOKEN, "PENSTOCK_GITHUB_URL": forge.api_url}, Metrics(CollectorRegistry())
        )
        yield Workers(forge, readers, GitMirrors(tmp_path / "mirrors"), FakeBlobs())
        await readers.close()


async def opened(forge: Forge) -> tuple[Repository, Pull, PullRequestRef]:
    files = {"cart.py": CART, ".penstock.yaml": "exclude: [secret.py]\n"}
    repository = await forge.world.create_repository("acme/shop", files)
    changed = {"cart.py": CHANGED, "secret.py": "x = 1\n"}
    pull = await forge.world.open_pull_request(repository, title="Two", author="alice", files=changed)
    return repository, pull, PullRequestRef("github", "github.com", str(repository.id), "acme/shop", pull.number)


async def test_what_prepare_read_is_analysed_and_reviewed(workers: Workers) -> None:
    _, pull, ref = await opened(workers.forge)
    resolved = await workers.prepare(ref)
    assert (resolved.outcome, resolved.head, resolved.unwanted) == (AnswerOutcome.OK, pull.head, ())
    (batch,) = resolved.manifest
    assert decode_document(workers.blobs.data[batch.blob], BatchDocument).paths == ("cart.py",)
    analysis = await workers.analyse(resolved, ref)
    document = decode_document(workers.blobs.data[analysis.blob], AnalysisDocument)
    assert [(file.path, [symbol.change for symbol in file.symbols]) for file in document.files] == [
        ("cart.py", ["signature"])
    ]
    assert [found.rule for found in document.findings] == ["python-mutable-default-argument"]
    review = await workers.review(resolved, ref, analysis.blob)
    (found,) = decode_document(workers.blobs.data[review.blob], ReviewDocument).findings
    assert (found.path, found.start_line) == ("cart.py", 2)


async def test_of_a_repository_whose_name_another_one_took_its_own_change_is_read(workers: Workers) -> None:
    repository, pull, ref = await opened(workers.forge)
    await renamed_and_replaced(workers.forge, repository)

    resolved = await workers.prepare(ref)

    assert (resolved.title, resolved.head) == ("Two", pull.head)
    manifest = decode_document(workers.blobs.data[resolved.manifest_blob], ManifestDocument)
    assert manifest.clone_url.endswith("/acme/store.git")
    analysis = await workers.analyse(resolved, ref)
    document = decode_document(workers.blobs.data[analysis.blob], AnalysisDocument)
    assert [file.path for file in document.files] == ["cart.py"]


async def test_nothing_is_brought_from_whoever_took_a_name_since_the_change_was_read(
    workers: Workers, tmp_path: Path
) -> None:
    repository, _, ref = await opened(workers.forge)
    resolved = await workers.prepare(ref)
    await renamed_and_replaced(workers.forge, repository)
    manifest = decode_document(workers.blobs.data[resolved.manifest_blob], ManifestDocument)
    assert manifest.clone_url.endswith("/acme/shop.git")

    credentials = {"github": token_credential("github", TOKEN)}
    there = Repositories(credentials).repository(ref, manifest.clone_url)
    with pytest.raises(CommitNotFound):
        await GitMirrors(tmp_path / "of another node").ensure(there, manifest.head, manifest.base)
    assert not list((tmp_path / "of another node").glob("*.git"))


async def renamed_and_replaced(forge: Forge, repository: Repository) -> None:
    """Under its old name there is another one, with a pull request of the same number."""
    forge.world.rename_repository(repository, "acme/store")
    other = await forge.world.create_repository("acme/shop", {"plan.py": "x = 1\n"})
    await forge.world.open_pull_request(other, title="Of another", author="mallory", files={"plan.py": "x = 2\n"})


async def test_after_a_push_only_what_is_new_is_in_the_batches(workers: Workers) -> None:
    repository, pull, ref = await opened(workers.forge)
    first = await workers.prepare(ref)
    await workers.forge.world.push(repository, pull, {"tax.py": "rate = 2\n"})
    second = await workers.prepare(ref, reviewed_head=first.head, reviewed_base=first.base)
    (batch,) = second.manifest
    assert decode_document(workers.blobs.data[batch.blob], BatchDocument).paths == ("tax.py",)


async def test_a_closed_pull_request_is_said_to_be_closed(workers: Workers) -> None:
    repository, pull, ref = await opened(workers.forge)
    workers.forge.world.close(repository, pull)
    resolved = await workers.prepare(ref)
    assert (resolved.outcome, resolved.closed) == (AnswerOutcome.SKIPPED, True)
