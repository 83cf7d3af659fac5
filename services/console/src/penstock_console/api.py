"""The HTTP edge of the console: jobs, their history, wishes, and the read part of a schema registry. Dead letters
and blocked streams are in letters_api.py."""

import logging
from datetime import timedelta
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from penstock_console import filters, views
from penstock_console.cache_api import add_cache
from penstock_console.decide import Wish
from penstock_console.errors import (
    JobOver,
    JobUnknown,
    LetterSettled,
    LetterUnknown,
    NotBlocked,
    NothingToApply,
    NothingToRetry,
    NothingToSend,
)
from penstock_console.forgetting import CacheDesk
from penstock_console.handler import Desk
from penstock_console.letters_api import add_letters
from penstock_console.repairing import RepairDesk
from penstock_console.tokens import Tokens
from penstock_contracts.enums import ControlAction, JobStatus, Stage, WorkflowType
from penstock_contracts.errors import ContractError
from penstock_runtime.metrics import Metrics
from penstock_store.errors import RowRefused, StoreUnavailable
from penstock_store.rows import JobFilter
from penstock_store.texts import describe, is_printable

ACTIONS = {
    "cancel": ControlAction.CANCEL,
    "pause": ControlAction.PAUSE,
    "resume": ControlAction.RESUME,
    "retry": ControlAction.RETRY,
    "replay": ControlAction.RE_REVIEW,
}
_log = logging.getLogger(__name__)
_NOTHING_MORE = views.Wanted()
_LATE = timedelta(minutes=1)
_SHOWN = 20
_CODES: dict[type[Exception], int] = {
    JobUnknown: 404,
    LetterUnknown: 404,
    NotBlocked: 404,
    JobOver: 409,
    NothingToRetry: 409,
    LetterSettled: 409,
    NothingToApply: 409,
    NothingToSend: 409,
    ContractError: 422,
    RowRefused: 422,
    StoreUnavailable: 503,
}


def build_app(desk: Desk, tokens: Tokens, metrics: Metrics | None = None) -> FastAPI:
    async def actor(
        authorization: Annotated[str, Header()] = "",
        host: Annotated[str, Header()] = "",
        origin: Annotated[str, Header()] = "",
    ) -> str:
        if not tokens.trusts(host, origin):
            raise HTTPException(403, "without PENSTOCK_API_TOKEN only this host itself may ask")
        name = tokens.actor(authorization)
        if name is None:
            raise HTTPException(401, "a bearer token is needed", {"www-authenticate": "Bearer"})
        return name

    first = [Depends(actor), Depends(_storable), Depends(filters.understood)]
    app = FastAPI(title="Penstock jobs API", version="1", dependencies=first, docs_url=None, redoc_url=None)
    app.add_exception_handler(RequestValidationError, _invalid)
    for error in _CODES:
        app.add_exception_handler(error, _refused)
    repairs = RepairDesk(desk.store, desk.codec)
    _add_listing(app, desk)
    _add_looking(app, desk, repairs)
    _add_wishes(app, desk, actor)
    add_cache(app, CacheDesk(desk.store.cache, metrics), actor)
    _add_schemas(app, desk)
    add_letters(app, repairs, actor)
    return app


async def _storable(request: Request) -> None:
    """What a path or a query names is looked for in columns, and none takes these."""
    for text in (*request.path_params.values(), *request.query_params.values()):
        if not is_printable(text):
            raise HTTPException(422, views.UNSTORABLE)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What is wrong and where. What was given is not told back: it may be what no answer can carry."""
    assert isinstance(error, RequestValidationError)
    return JSONResponse(
        {"detail": [{name: each[name] for name in ("type", "loc", "msg")} for each in error.errors()]}, 422
    )


async def _refused(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, StoreUnavailable):
        return JSONResponse({"detail": "the database cannot be asked at the moment"}, 503, {"retry-after": "5"})
    if isinstance(error, ContractError | RowRefused):
        _log.warning("what is asked for cannot be stored", extra={"error": describe(error)})
        return JSONResponse({"detail": f"what is asked for cannot be stored: {describe(error)}"}, 422)
    return JSONResponse({"detail": str(error)}, _CODES[type(error)])


def _add_listing(app: FastAPI, desk: Desk) -> None:
    @app.get("/workflow-queue/jobs", summary="Jobs, newest first")
    async def jobs(
        *,
        status: JobStatus | None = None,
        type: WorkflowType | None = None,  # noqa: A002 - the name of the query parameter
        stream: str = "",
        repository: str = "",
        organisation: str = "",
        stage: Stage | None = None,
        waiting_for: filters.WaitingFor = "",
        correlation_id: str = "",
        since: views.Moment | None = None,
        until: views.Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: str = "",
    ) -> views.JobPage:
        filters.refuse_nothing_between(since, until)
        wanted = JobFilter(
            status=status or "",
            type=type or "",
            stream=stream,
            repository=repository,
            organisation=organisation,
            stage=stage or "",
            waiting_for=waiting_for,
            correlation_id=correlation_id,
            since=since,
            until=until,
            limit=limit + 1,
            after=after,
        )
        rows = await desk.jobs(wanted)
        page = rows[:limit]
        following = page[-1].id if len(rows) > limit else None
        return views.JobPage(jobs=[views.Job.model_validate(row) for row in page], next=following)


def _add_looking(app: FastAPI, desk: Desk, repairs: RepairDesk) -> None:
    @app.get("/workflow-queue/metrics", summary="How many jobs there are, and what waits for a person")
    async def metrics() -> views.Counts:
        jobs: dict[WorkflowType, dict[JobStatus, int]] = {}
        for (kind, status), number in (await desk.store.jobs.counts()).items():
            jobs.setdefault(WorkflowType(kind), {})[JobStatus(status)] = number
        runs = jobs.get(WorkflowType.CODE_REVIEW, {})
        return views.Counts(
            runs={status: runs.get(status, 0) for status in JobStatus},
            jobs=jobs,
            stuck=len(await desk.store.jobs.stuck(_LATE)),
            dead_letters=dict(await desk.store.dead_letters.counts()),
            blocked_streams=len(await repairs.blocked()),
            stalls=list(await repairs.oldest(_SHOWN)),
        )

    @app.get("/workflow-queue/jobs/{job_id}", summary="A job and its stages")
    async def job(job_id: str) -> views.JobWithStages:
        found = views.Job.model_validate(await desk.job(job_id))
        stages = [views.Job.model_validate(row) for row in await desk.store.jobs.children(job_id)]
        stalls = await repairs.stalls_of(found.parent_id or found.id)
        return views.JobWithStages(**found.model_dump(), stages=stages, stalls=list(stalls))

    @app.get("/workflow-queue/jobs/{job_id}/history", summary="Every attempt of every part of a run")
    async def history(job_id: str) -> views.History:
        run = await desk.run_of(job_id)
        rows = await desk.store.jobs.history(run.id)
        return views.History(run_id=run.id, history=[views.Execution.model_validate(row) for row in rows])


def _add_wishes(app: FastAPI, desk: Desk, who: object) -> None:
    """One path for each action."""

    def add(name: str, action: ControlAction) -> None:
        async def ask(
            job_id: str,
            actor: Annotated[str, Depends(who)],
            wanted: views.Wanted = _NOTHING_MORE,
            *,
            idempotency_key: Annotated[str, Header(max_length=200)] = "",
        ) -> views.AskedFor:
            wish = Wish(
                action=action,
                actor=actor,
                key=idempotency_key or str(uuid4()),
                reason=wanted.reason,
                stage=wanted.stage,
                part=wanted.part,
            )
            asked = await desk.ask(job_id, wish)
            return views.AskedFor(event_id=asked.event_id, run_id=asked.run_id, action=name, actor=actor, new=asked.new)

        app.add_api_route(
            f"/workflow-queue/jobs/{{job_id}}/{name}",
            ask,
            methods=["POST"],
            status_code=202,
            name=name,
            summary=f"Ask to {name} a run",
        )

    for name, action in ACTIONS.items():
        add(name, action)


def _add_schemas(app: FastAPI, desk: Desk) -> None:
    @app.get("/schemas/ids/{schema_id}", summary="A schema by its id, as a schema registry answers")
    async def schema(schema_id: int) -> JSONResponse:
        text = await desk.store.schemas.text(schema_id)
        if text is None:
            return JSONResponse({"error_code": 40403, "message": "Schema not found"}, 404)
        return JSONResponse({"schema": text})
