"""Reads what a request refers to: configuration, manifest, diff, and what each part of the review brought."""

from dataclasses import dataclass

from penstock_changes.diffs import parse_diff
from penstock_changes.documents import (
    AnalysisDocument,
    ManifestDocument,
    ReviewConfig,
    ReviewDocument,
    decode_document,
)
from penstock_changes.errors import ChangesError, MalformedDiff
from penstock_changes.model import FileChange
from penstock_commenter.decide import Material, Part
from penstock_contracts.enums import Stage
from penstock_contracts.facts import CommentsRequested, ReviewPart
from penstock_store.errors import BlobMissing
from penstock_store.ports import Blobs


@dataclass(frozen=True, slots=True)
class Materials:
    """Configuration and manifest must be readable; a part that is not counts as missing and the rest is said."""

    blobs: Blobs

    async def config(self, fact: CommentsRequested) -> ReviewConfig:
        """Raises BlobMissing or CorruptDocument."""
        if not fact.config_blob:
            return ReviewConfig()
        return decode_document(await self.blobs.get(fact.config_blob), ReviewConfig)

    async def of(self, fact: CommentsRequested, stream: str) -> Material:
        """Raises BlobMissing or CorruptDocument."""
        manifest = None
        if fact.manifest_blob:
            manifest = decode_document(await self.blobs.get(fact.manifest_blob), ManifestDocument)
        return Material(
            stream=stream,
            config=await self.config(fact),
            manifest=manifest,
            files=await self._files(fact.change_blob),
            parts=tuple([await self._part(part) for part in fact.parts]),
            partial=fact.partial,
        )

    async def _files(self, blob: str) -> tuple[FileChange, ...]:
        """Without a readable diff no finding has a place, and all are listed in the summary."""
        if not blob:
            return ()
        try:
            return parse_diff((await self.blobs.get(blob)).decode("utf-8", errors="replace"))
        except (BlobMissing, MalformedDiff):
            return ()

    async def _part(self, said: ReviewPart) -> Part:
        if not said.blob:
            return Part(said.stage, said.part, said.outcome, said.reason)
        document: AnalysisDocument | ReviewDocument
        try:
            data = await self.blobs.get(said.blob)
            analysis = said.stage is Stage.AST
            document = decode_document(data, AnalysisDocument) if analysis else decode_document(data, ReviewDocument)
        except (BlobMissing, ChangesError) as error:
            return Part(said.stage, said.part, "failed", str(error))
        return Part(said.stage, said.part, said.outcome, said.reason, document)
