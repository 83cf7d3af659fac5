"""The paths of what is stuck: dead letters and blocked streams."""

from typing import Annotated
from uuid import uuid4

from fastapi import Depends, FastAPI, Header, Query

from penstock_console import filters, stalls, views
from penstock_console.decide import Repair
from penstock_console.repairing import RepairDesk
from penstock_contracts.enums import RepairAction
from penstock_store.rows import LetterFilter, LetterState

_NO_REASON = views.Given()
_LETTERS, _BLOCKED = "/workflow-queue/dead-letters", "/workflow-queue/blocked-streams"


def add_letters(app: FastAPI, desk: RepairDesk, who: object) -> None:
    _add_looking(app, desk)
    _add_repairs(app, desk, who)


def _add_looking(app: FastAPI, desk: RepairDesk) -> None:
    @app.get(_LETTERS, summary="Records that could not be read, handled or applied, oldest first")
    async def dead_letters(
        *,
        state: LetterState = LetterState.OPEN,
        stream: str = "",
        run_id: str = "",
        reason: filters.Reason = "",
        event_type: filters.EventType = "",
        topic: filters.TopicName = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        after: str = "",
    ) -> views.DeadLetterPage:
        wanted = LetterFilter(state, stream, run_id, reason, event_type, topic, limit + 1, after)
        rows = await desk.letters(wanted)
        page = rows[:limit]
        following = page[-1].id if len(rows) > limit else None
        return views.DeadLetterPage(dead_letters=[stalls.letter(row) for row in page], next=following)

    @app.get(f"{_LETTERS}/{{letter_id}}", summary="One of them with its headers, its event and every redrive")
    async def dead_letter(letter_id: str) -> views.ShownLetter:
        return await desk.letter(letter_id)

    @app.get(_BLOCKED, summary="Streams that wait because Kafka refused one of their records")
    async def blocked_streams() -> views.BlockedStreams:
        return views.BlockedStreams(blocked_streams=list(await desk.blocked()))


def _add_repairs(app: FastAPI, desk: RepairDesk, who: object) -> None:
    key = Annotated[str, Header(max_length=200)]
    actor_of = Annotated[str, Depends(who)]

    @app.post(f"{_LETTERS}/{{letter_id}}/redrive", status_code=202, summary="Try again, when the cause is corrected")
    async def redrive(
        letter_id: str, actor: actor_of, given: views.Given = _NO_REASON, *, idempotency_key: key = ""
    ) -> views.Repaired:
        return await desk.redrive(letter_id, _repair(RepairAction.REDRIVE, actor, idempotency_key, given.reason))

    @app.post(f"{_LETTERS}/{{letter_id}}/discard", status_code=202, summary="Put aside for good")
    async def discard(
        letter_id: str, actor: actor_of, given: views.Reason, *, idempotency_key: key = ""
    ) -> views.Repaired:
        return await desk.discard(letter_id, _repair(RepairAction.DISCARD, actor, idempotency_key, given.reason))

    @app.post(f"{_BLOCKED}/{{stream:path}}/unblock", status_code=202, summary="Publish what waits in this stream again")
    async def unblock(
        stream: str, actor: actor_of, given: views.Given = _NO_REASON, *, idempotency_key: key = ""
    ) -> views.Repaired:
        return await desk.unblock(stream, _repair(RepairAction.UNBLOCK, actor, idempotency_key, given.reason))


def _repair(action: RepairAction, actor: str, key: str, reason: str) -> Repair:
    return Repair(action, actor, key or str(uuid4()), reason)
