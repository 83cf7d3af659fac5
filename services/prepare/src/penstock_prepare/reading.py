"""Reads the change: all of it, and what of it is reviewed this time (G7)."""

import asyncio
import logging
from dataclasses import dataclass

from penstock_changes.documents import decode_document
from penstock_contracts.facts import PrepareRequested
from penstock_platforms.ports import PullRequest
from penstock_prepare import change
from penstock_prepare.change import Change
from penstock_prepare.errors import NothingInCommon
from penstock_sources.errors import CommitNotFound
from penstock_sources.ports import Repository, Sources
from penstock_store.errors import BlobMissing
from penstock_store.ports import Blobs

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """`whole` is the change since the branch left its target; `wanted` is what is reviewed this time."""

    merge_base: str
    diff: str
    whole: Change
    wanted: Change


@dataclass(frozen=True, slots=True)
class ChangeReader:
    """Git's own diffs, taken from the mirrors."""

    sources: Sources
    blobs: Blobs

    async def read(self, repository: Repository, pull: PullRequest, fact: PrepareRequested) -> Read:
        """May raise SourceError, MalformedDiff, NothingInCommon."""
        merge_base = await self.sources.merge_base(repository, pull.base, pull.head)
        if merge_base is None:
            raise NothingInCommon(pull.head, pull.base)
        diff = await self.sources.diff(repository, pull.base, pull.head)
        whole = await asyncio.to_thread(change.read, diff)
        if not await self._continues(repository, merge_base, pull, fact):
            return Read(merge_base, diff, whole, whole)
        try:
            return Read(merge_base, diff, whole, await self._since(repository, pull, fact, whole))
        except BlobMissing:
            # What the last review missed was put away by retention: all of it is looked at.
            return Read(merge_base, diff, whole, whole)

    async def _continues(
        self, repository: Repository, merge_base: str, pull: PullRequest, fact: PrepareRequested
    ) -> bool:
        """Whether the head only adds to what was reviewed: nothing was rewritten, and the target not merged in."""
        if fact.full or not (fact.reviewed_head and fact.reviewed_base) or fact.reviewed_head == pull.head:
            return False
        try:
            if not await self.sources.is_ancestor(repository, fact.reviewed_head, pull.head):
                return False
            return await self.sources.merge_base(repository, fact.reviewed_base, fact.reviewed_head) == merge_base
        except CommitNotFound:
            return False

    async def _since(self, repository: Repository, pull: PullRequest, fact: PrepareRequested, whole: Change) -> Change:
        """What changed since the reviewed head, and in full what the last review missed. A file that is as it was in
        the target again is in no diff of the pull request, so nothing could be said of it."""
        diff = await self.sources.diff(repository, fact.reviewed_head, pull.head)
        since = (await asyncio.to_thread(change.read, diff)).only(whole.texts)
        missed = await self._missed(fact)
        return since.without(missed).joined(whole.only(missed))

    async def _missed(self, fact: PrepareRequested) -> tuple[str, ...]:
        if not fact.missed_blob:
            return ()
        return decode_document(await self.blobs.get(fact.missed_blob), tuple[str, ...])
