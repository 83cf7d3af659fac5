"""One review of a working copy: opens the pipeline on memory, tells it of a pull request, waits for the end."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from penstock.reviewing.composition import Parts, machines
from penstock.reviewing.errors import NotReviewed
from penstock.reviewing.local_platform import WORKING_COPY
from penstock.reviewing.ranges import Chosen
from penstock.reviewing.report import Report, nothing_to_review, reviewed
from penstock.reviewing.watching import Watch, watching
from penstock_changes.documents import ManifestDocument, decode_document
from penstock_commenter.material import Materials
from penstock_contracts.enums import Command, PullRequestKind
from penstock_contracts.envelope import Envelope
from penstock_contracts.event import Event
from penstock_contracts.facts import PrReceived
from penstock_contracts.ids import delivery_event_id, stream_of, subject_of
from penstock_eventlog.records import outbox_row_of
from penstock_eventlog.workbench import Workbench
from penstock_platforms.ports import PullRequest, PullRequestState
from penstock_runtime.machine import Machine, drive
from penstock_sources.ports import Repository, Sources

_TAKEN = 30.0
"""Seconds until a run must have been opened; what follows has deadlines of its own."""
_WORDS = 50
"""So many commits are named to a model at most."""


async def review(parts: Parts, watch: Watch) -> Report:
    """Raises NotReviewed."""
    await _receive(parts.bench)
    await _until_over(watch, (*machines(parts), watching(watch, parts.bench.tools)))
    if watch.failure or watch.resolved is None:
        raise NotReviewed(watch.failure or "the change was not read")
    blobs = parts.bench.store.blobs
    manifest = decode_document(await blobs.get(watch.resolved.manifest_blob), ManifestDocument)
    if watch.requested is None:
        return nothing_to_review(manifest, watch.resolved.head)
    # Without the diff: it only says which findings can stand on a line of a pull request, and here all are shown.
    material = await Materials(blobs).of(replace(watch.requested, change_blob=""), stream_of(WORKING_COPY))
    return reviewed(material, manifest, watch.usages)


async def pull_request(chosen: Chosen, sources: Sources) -> PullRequest:
    """The range as a pull request: its commits are its description."""
    base, head = chosen.range.base, chosen.range.head
    commits = await sources.commits(Repository("local", ""), base, head, _WORDS)
    return PullRequest(
        ref=WORKING_COPY,
        head=head,
        base=base,
        head_ref=chosen.head,
        base_ref=chosen.base,
        title=commits[0].title if commits else "What is not committed",
        description="\n".join(f"- {commit.title}" for commit in commits),
        author=commits[0].author if commits else "",
        author_association="OWNER",
        state=PullRequestState.OPEN,
        draft=False,
        is_fork=False,
        clone_url="",
        web_url="",
        default_branch=chosen.base,
    )


async def _receive(bench: Workbench) -> None:
    """As ingest does. A command, since somebody asks: what is not reviewed by itself is reviewed now."""
    ref = WORKING_COPY
    fact = PrReceived(
        kind=PullRequestKind.COMMAND,
        platform=ref.platform,
        instance=ref.instance,
        repository_id=ref.repository_id,
        repository=ref.repository,
        number=ref.number,
        delivery_id="1",
        sender="you",
        sender_association="OWNER",
        command=Command.FULL_REVIEW,
    )
    envelope = Envelope(
        id=delivery_event_id(fact.instance, fact.delivery_id),
        type=fact.TYPE,
        source="penstock/review",
        time=bench.tools.clock.now(),
        stream=stream_of(ref),
        subject=subject_of(ref),
    )
    await bench.store.receipts.receive(envelope.id, outbox_row_of(Event(envelope, fact), bench.tools.codec))


async def _until_over(watch: Watch, driven: Sequence[Machine]) -> None:
    """Drives the machines until it is over, then lets each end in order. What one of them raises passes through."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for machine in driven:
            group.create_task(drive(machine, stopping), name=machine.name)
        try:
            async with asyncio.timeout(_TAKEN):
                await watch.begun.wait()
            await watch.over.wait()
        except TimeoutError:
            watch.stalled = f"no run was opened within {_TAKEN:g} s, which is a fault of penstock itself"
        stopping.set()
