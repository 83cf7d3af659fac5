"""What `penstock db export` and `penstock db forget` do with all that is stored about one repository."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TextIO

import msgspec

from penstock.operating.ending import DONE, REFUSED
from penstock.operating.errors import RepositoryUnknown
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_store.ports import Retention, Store
from penstock_store.rows import JobFilter

Line = Mapping[str, Any]
_PAGE = 200
_ELSEWHERE = (
    "Not in this database, and gone by themselves: records on Kafka after their topic's retention (30 days at most), "
    "clones on the volumes of prepare with `rm -r`. What was said on the platform stays there.\n"
)


async def exported(store: Store, repository: str, out: TextIO) -> int:
    """One JSON object a line, with what row it is. Raises RepositoryUnknown."""
    for stream in await _streams(store, repository):
        async for line in _lines(store, stream):
            out.write(json.dumps(line, default=str) + "\n")
    return DONE


async def forgotten(store: Store, repository: str, out: TextIO, *, confirmed: bool) -> int:
    """Nothing before it is confirmed. Raises RepositoryUnknown, StillOpen, NotYetApplied."""
    streams = await _streams(store, repository)
    if not confirmed:
        out.write(
            f"{len(streams)} pull requests of {repository} would be forgotten, with all that is stored about them:\n"
        )
        for stream in streams:
            out.write(f"  {stream}  {await store.jobs.subject(stream)}\n")
        out.write("say --yes to do it; `penstock db export` writes them out before\n")
        return REFUSED
    gone = await _retention(store).forget(streams)
    out.write(
        f"forgotten: {gone.streams} pull requests of {repository}, {gone.rows} rows, {gone.messages} messages, "
        f"{gone.blobs} texts\n{_ELSEWHERE}"
    )
    return DONE


async def _streams(store: Store, repository: str) -> Sequence[str]:
    streams = await _retention(store).streams_of(repository)
    if not streams:
        raise RepositoryUnknown(repository)
    return streams


def _retention(store: Store) -> Retention:
    assert store.retention is not None, "the command line opens a database"
    return store.retention


async def _lines(store: Store, stream: str) -> AsyncIterator[Line]:
    yield {"row": "pull request", "stream": stream, "subject": await store.jobs.subject(stream)}
    for fact in await store.streams.facts(stream):
        yield {"row": "fact", **_fact(fact)}
    wanted = JobFilter(stream=stream, limit=_PAGE)
    while page := await store.jobs.jobs(wanted):
        for job in page:
            yield {"row": "job", **asdict(job)}
            if job.parent_id is None:
                for row in await store.jobs.history(job.id):
                    yield {"row": "attempt", **asdict(row)}
        wanted = JobFilter(stream=stream, limit=_PAGE, after=page[-1].id)
    for effect in await store.effects.of_stream(stream):
        yield {"row": "effect", **asdict(effect)}


def _fact(event: Event[Fact]) -> Line:
    envelope = event.envelope
    return {
        "id": envelope.id,
        "type": envelope.type,
        "stream": envelope.stream,
        "sequence": envelope.sequence,
        "time": envelope.time,
        "run_id": envelope.workflow_id,
        "data": msgspec.to_builtins(event.fact),
    }
