"""The conversation of a pull request, and the statuses of its commits."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from penstock_platforms.forge.errors import Missing, Refused
from penstock_platforms.forge.model import Comment, Status
from penstock_platforms.forge.rest.call import Api, Call, text

_COMMENT_LIMIT = 65_536
_DESCRIPTION_LIMIT = 140
_STATUSES_PER_CONTEXT = 1000
_STATES = ("error", "failure", "pending", "success")


def routes(api: Api) -> list[Route]:
    return [
        *api.routes("GET", "/issues/{number:int}/comments", list_comments),
        *api.routes("POST", "/issues/{number:int}/comments", create_comment),
        *api.routes("PATCH", "/issues/comments/{comment:int}", edit_comment),
        *api.routes("DELETE", "/issues/comments/{comment:int}", delete_comment),
        *api.routes("POST", "/statuses/{commit}", set_status),
        *api.routes("GET", "/commits/{commit}/statuses", list_statuses),
    ]


async def list_comments(call: Call) -> Response:
    comments = call.world.state.owned(Comment, (call.repository.id, call.pull().number))
    return call.page([call.world.render.comment(call.repository, comment) for comment in comments])


async def create_comment(call: Call) -> Response:
    body = _body(text(await call.body(), "body"))
    comment = call.world.comment(call.repository, call.pull(), author=call.account, body=body)
    return JSONResponse(call.world.render.comment(call.repository, comment), status_code=201)


async def edit_comment(call: Call) -> Response:
    body = _body(text(await call.body(), "body"))
    comment = call.world.edit_comment(call.repository, _own(call), body)
    return JSONResponse(call.world.render.comment(call.repository, comment))


async def delete_comment(call: Call) -> Response:
    call.world.delete_comment(call.repository, _own(call))
    return Response(status_code=204)


async def set_status(call: Call) -> Response:
    call.needs("write")
    body = await call.body()
    commit = await call.git.resolve(call.request.path_params["commit"])
    state, context = text(body, "state"), text(body, "context", "default")
    description = text(body, "description", "")
    if commit is None:
        raise Refused(422, "No commit found for SHA: " + call.request.path_params["commit"])
    if state not in _STATES:
        raise Refused(422, "Validation Failed", ["state is not included in the list"])
    if len(description) > _DESCRIPTION_LIMIT:
        raise Refused(
            422, "Validation Failed", [f"description is too long (maximum is {_DESCRIPTION_LIMIT} characters)"]
        )
    before = call.world.state.owned(Status, (call.repository.id, commit))
    if sum(each.context == context for each in before) >= _STATUSES_PER_CONTEXT:
        raise Refused(422, "Validation Failed", ["This SHA and context has reached the maximum number of statuses."])
    status = call.world.set_status(
        call.repository,
        commit=commit,
        author=call.account,
        state=state,
        context=context,
        description=description,
        target_url=text(body, "target_url", ""),
    )
    return JSONResponse(call.world.render.status(status), status_code=201)


async def list_statuses(call: Call) -> Response:
    commit = await call.git.resolve(call.request.path_params["commit"])
    found = call.world.state.owned(Status, (call.repository.id, commit or ""))
    return call.page([call.world.render.status(status) for status in reversed(found)])


def _own(call: Call) -> Comment:
    comment = call.world.state.get(Comment, call.number("comment"))
    if comment is None or comment.repository_id != call.repository.id:
        raise Missing
    if comment.author != call.account:
        call.needs("admin")
    return comment


def _body(told: str) -> str:
    if not told.strip():
        raise Refused(422, "Validation Failed", ["body can't be blank"])
    if len(told) > _COMMENT_LIMIT:
        raise Refused(422, "Validation Failed", [f"body is too long (maximum is {_COMMENT_LIMIT} characters)"])
    return told
