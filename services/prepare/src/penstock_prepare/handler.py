"""prepare.requested → config.resolved: the light stages B1 to B6 and B8, one after the other."""

import asyncio
from dataclasses import dataclass, replace

from penstock_changes.batches import Split
from penstock_changes.documents import ReviewConfig, encode_document
from penstock_changes.errors import ChangesError
from penstock_contracts.enums import AnswerOutcome, ErrorClassification, SkipReason
from penstock_contracts.event import Event
from penstock_contracts.facts import Batch, ConfigResolved, PrepareRequested
from penstock_eventlog.handles import Handles
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_platforms.errors import NotFound, PlatformError
from penstock_platforms.ports import Permission, PullRequest, PullRequestState
from penstock_prepare import decide
from penstock_prepare.change import Change
from penstock_prepare.errors import PrepareError
from penstock_prepare.ports import Readers
from penstock_prepare.reading import ChangeReader, Read
from penstock_prepare.resolving import Configurations
from penstock_prepare.stages import LightStage, Stages
from penstock_runtime.clock import Clock
from penstock_sources.access import Repositories
from penstock_sources.errors import CommitNotFound, SourceError
from penstock_store.errors import BlobMissing
from penstock_store.ports import Blobs

# Platforms say that something was pushed before everything of theirs can be asked for it.
LAG_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PrepareHandler:
    """What the handling of a request needs."""

    blobs: Blobs
    readers: Readers
    repositories: Repositories
    changes: ChangeReader
    configurations: Configurations
    wanted: Wanted
    clock: Clock
    ignored_authors: tuple[str, ...] = ()

    async def requested(self, event: Event[PrepareRequested]) -> Outcome:
        """Never raises for what the platform, the repository or the change is like; StoreUnavailable is the loop's."""
        try:
            return await self.wanted.skip(event) or await self._prepared(event)
        except PlatformError as error:
            early = isinstance(error, NotFound) and event.envelope.attempt <= 1
            return _lagging(error) if early else Failed(error.classification, str(error), error.retry_after)
        except CommitNotFound as error:
            return _lagging(error)
        except SourceError as error:
            return Failed(error.classification, str(error))
        except (BlobMissing, ChangesError, PrepareError) as error:
            return Failed(ErrorClassification.PERMANENT, str(error))

    async def _prepared(self, event: Event[PrepareRequested]) -> Outcome:
        fact, stages = event.fact, Stages(self.clock)
        reader = self.readers.of(fact.pull_request)
        with stages.timed(LightStage.VALIDATE_NEW_COMMITS):
            pull = await reader.pull_request(fact.pull_request)
        answer = _reading(pull)
        if pull.state is not PullRequestState.OPEN:
            closed = replace(answer, closed=True)
            return _skipped(closed, decide.Refusal(SkipReason.CLOSED.value, announce=False), stages)
        if fact.command and not await self._may_command(fact):
            stranger = decide.Refusal(f"{fact.sender} may not write to this repository", announce=False)
            return _skipped(answer, stranger, stages)
        with stages.timed(LightStage.RESOLVE_CONFIG):
            raw = await self.configurations.text(reader, fact.pull_request, pull)
        with stages.timed(LightStage.VALIDATE_CONFIG):
            config = await asyncio.to_thread(_config, raw)
            answer = replace(
                answer, config_blob=await self.blobs.put(encode_document(config)), ast_wait=config.analysis_wait
            )
        refusal = decide.gate(_words(pull), config, fact.kind, self.ignored_authors)
        if refusal is not None:
            return _skipped(answer, refusal, stages)
        skip = await self.wanted.skip(event)
        if skip is not None:
            return skip
        return await self._with_change(fact, pull, config, answer, stages)

    async def _may_command(self, fact: PrepareRequested) -> bool:
        permission = await self.readers.of(fact.pull_request).permission(fact.pull_request, fact.sender)
        return permission in (Permission.WRITE, Permission.ADMIN)

    async def _with_change(
        self, fact: PrepareRequested, pull: PullRequest, config: ReviewConfig, answer: ConfigResolved, stages: Stages
    ) -> Outcome:
        with stages.timed(LightStage.FETCH_CHANGED_FILES):
            repository = self.repositories.repository(fact.pull_request, pull.clone_url)
            read = await self.changes.read(repository, pull, fact)
            change_blob = await self.blobs.put(read.diff.encode("utf-8", errors="replace"))
        stages.skipped(LightStage.LOAD_EXTERNAL_CONTEXT)
        with stages.timed(LightStage.FILE_CONTEXT_GATE):
            found = await asyncio.to_thread(decide.batches, read.wanted, config)
            answer = await self._with_manifest(replace(answer, change_blob=change_blob), pull, read, found)
        stages.skipped(LightStage.FINE_TUNING)
        if not found.batches:
            return _skipped(answer, decide.Refusal(decide.NOTHING_TO_REVIEW, announce=True), stages)
        unwanted = decide.unwanted(config, read.whole.files)
        return Emit((replace(answer, unwanted=unwanted, stages=tuple(stages.times)),))

    async def _with_manifest(
        self, answer: ConfigResolved, pull: PullRequest, read: Read, found: Split
    ) -> ConfigResolved:
        batches = await self._batches(found, read.wanted, _words(pull))
        manifest = decide.manifest(
            read.whole.files,
            found,
            _words(pull),
            head=pull.head,
            base=pull.base,
            merge_base=read.merge_base,
            clone_url=pull.clone_url,
        )
        return replace(
            answer,
            manifest=batches,
            manifest_hash=decide.manifest_hash(batch.blob for batch in batches),
            manifest_blob=await self.blobs.put(encode_document(manifest)),
        )

    async def _batches(self, found: Split, change: Change, words: decide.Words) -> tuple[Batch, ...]:
        stored: list[Batch] = []
        for batch in found.batches:
            document = decide.batch_document(batch, change, words)
            stored.append(Batch(batch.index, len(batch.paths), await self.blobs.put(encode_document(document))))
        return tuple(stored)


def _config(raw: bytes | None) -> ReviewConfig:
    """What reads the file takes as long to import as a whole `penstock review`, and most repositories have no file.
    Runs in a thread: whoever writes it decides how long it takes, and others must not wait for it."""
    if raw is None:
        return ReviewConfig()
    from penstock_prepare import configuration

    return configuration.read(raw)


def _reading(pull: PullRequest) -> ConfigResolved:
    """What is known as soon as the pull request was read; a title may be as long as its author likes."""
    return ConfigResolved(
        head=pull.head, base=pull.base, base_ref=pull.base_ref, title=pull.title[:500], author=pull.author
    )


def _words(pull: PullRequest) -> decide.Words:
    return decide.Words(pull.title, pull.description, pull.author, pull.draft)


def _skipped(answer: ConfigResolved, refusal: decide.Refusal, stages: Stages) -> Emit:
    return Emit(
        (
            replace(
                answer,
                outcome=AnswerOutcome.SKIPPED,
                reason=refusal.reason,
                announce=refusal.announce,
                pending_comment=False,
                stages=tuple(stages.times),
            ),
        )
    )


def _lagging(error: Exception) -> Failed:
    return Failed(ErrorClassification.TRANSIENT, str(error), LAG_SECONDS)


HANDLES: Handles = {PrepareRequested: PrepareHandler.requested}
