"""ast.requested → ast.completed: reads the change and its texts, has them analysed, puts the document into a blob."""

import asyncio
from dataclasses import dataclass

from penstock_ast import decide
from penstock_ast.ports import Pool
from penstock_changes.diffs import parse_diff
from penstock_changes.documents import ManifestDocument, decode_document, encode_document
from penstock_changes.errors import ChangesError
from penstock_changes.model import FileChange
from penstock_contracts.enums import ErrorClassification
from penstock_contracts.event import Event
from penstock_contracts.facts import AstRequested, PullRequestRef
from penstock_eventlog.handles import Handles
from penstock_eventlog.outcomes import Emit, Failed, Outcome
from penstock_eventlog.wanted import Wanted
from penstock_sources.access import Repositories
from penstock_sources.errors import SourceError
from penstock_sources.ports import Sources
from penstock_store.errors import BlobMissing
from penstock_store.ports import Blobs


@dataclass(frozen=True, slots=True)
class AstHandler:
    """What the handling of a request needs."""

    blobs: Blobs
    sources: Sources
    repositories: Repositories
    pool: Pool
    wanted: Wanted
    limits: decide.AnalysisLimits

    async def requested(self, event: Event[AstRequested]) -> Outcome:
        """Never raises for what the repository or the change is like; StoreUnavailable is the loop's."""
        try:
            return await self._answered(event)
        except SourceError as error:
            return Failed(error.classification, str(error))
        except (BlobMissing, ChangesError) as error:
            return Failed(ErrorClassification.PERMANENT, str(error))

    async def _answered(self, event: Event[AstRequested]) -> Outcome:
        skip = await self.wanted.skip(event)
        if skip is not None:
            return skip
        fact = event.fact
        manifest = decode_document(await self.blobs.get(fact.manifest_blob), ManifestDocument)
        diff = (await self.blobs.get(fact.change_blob)).decode("utf-8", errors="replace")
        changes = await asyncio.to_thread(parse_diff, diff)
        plan = decide.plan(decide.covered(changes, manifest), self.limits)
        before, after = await self._texts(fact.pull_request, manifest, plan.wanted)
        skip = await self.wanted.skip(event)
        if skip is not None:
            return skip
        tasks, refused = await asyncio.to_thread(decide.tasks, plan.wanted, before, after, self.limits)
        document = decide.assemble(await self.pool.analyse(tasks), (*plan.refused, *refused))
        blob = await self.blobs.put(encode_document(document))
        return Emit((decide.answer(document, blob),))

    async def _texts(
        self, ref: PullRequestRef, manifest: ManifestDocument, changes: tuple[FileChange, ...]
    ) -> tuple[decide.Texts, decide.Texts]:
        if not changes:
            return {}, {}
        repository = self.repositories.repository(ref, manifest.clone_url)
        before = await self.sources.texts(repository, manifest.merge_base, decide.paths_before(changes))
        return before, await self.sources.texts(repository, manifest.head, decide.paths_after(changes))


HANDLES: Handles = {AstRequested: AstHandler.requested}
